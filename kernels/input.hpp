#pragma once

#include <cstdint>

#include "murmur/engine/image_size.hpp"
#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Kernel 1, the input: gather · (keyed permutation) · u8 -> [0, 1] · flip, rotation, zoom, translation (one
/// resampling) · contrast · input noise · input mask of the first layer.
/// Shapes: images u8 [N, D = height x width x channels], labels u8 [N], output [P, m, padded D], targets [P, m] (-1: no
/// sample in this row).
template <class T>
struct InputArgs {
  StepArgs step;
  const uint8_t* images = nullptr;
  const uint8_t* labels = nullptr;
  int64_t first = 0;  // the split's first sample
  ImageSize size;
  bool mask_input = false;  // dropconnect on inputs, and a layer that is not the last comes next
  PerNetwork<T> output;
  int32_t* targets = nullptr;

  MURMUR_HD int64_t sample_size() const { return size.elements(); }
};

MURMUR_DECLARE_KERNEL(input_forward, InputArgs)

}  // namespace murmur
