#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// What transient noise (DropConnect, additive and multiplicative noise) does to an element of the arena.
enum class WeightKind : uint8_t { kExact, kNoisy, kNoisyAndDropped };

/// Kernels 4 and 5, the update: (mean of the batch) · clipping · weight decay · gradient dropout · gradient mask ·
/// frozen mask · multiplicative noise · gradient noise · weight noise · the optimizer's step · update dropout, for
/// every parameter of every network whose batch is full; clears the gradient. With `copy`: the passes run on that copy
/// of the weights, which has transient noise; the gradient passes through it (once it is clipped), and the copy of the
/// next update is written. `norms` null: nothing is clipped. Shapes: weight, grad, moment1, moment2, copy [P, stride]:
/// the arenas; kinds [stride / 4]; norms f64 [P].
template <class T>
struct UpdateArgs {
  StepArgs step;
  T* weight = nullptr;
  T* grad = nullptr;
  T* moment1 = nullptr;
  T* moment2 = nullptr;
  int64_t stride = 0;
  T* copy = nullptr;
  const WeightKind* kinds = nullptr;
  double* norms = nullptr;
};

/// Writes the copy of the weights for the selected networks' first update. Shapes: selected u8 [P].
template <class T>
struct CopyWeightsArgs {
  UpdateArgs<T> update;
  const uint8_t* selected = nullptr;
};

MURMUR_DECLARE_KERNEL(update, UpdateArgs)
/// Writes `norms` of the networks whose gradient is to be clipped, before the update. Needs norms.
MURMUR_DECLARE_KERNEL(gradient_norm, UpdateArgs)
MURMUR_DECLARE_KERNEL(copy_weights, CopyWeightsArgs)

}  // namespace murmur
