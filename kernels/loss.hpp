#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Kernel 3, the loss: bias · softmax · cross-entropy · label smoothing · loss noise · gradient · hit count, one pass;
/// adds to the state's sums and marks a network whose loss is not finite as diverged.
/// Shapes: logits, grad [P, padded K, m] of one stride; bias, grad_bias [P, padded K] of one stride. grad and grad_bias
/// null: evaluation.
template <class T>
struct LossArgs {
  StepArgs step;
  int64_t num_classes = 0;
  PerNetwork<const T> logits;
  PerNetwork<const T> bias;
  const int32_t* targets = nullptr;
  T* grad = nullptr;
  T* grad_bias = nullptr;
};

MURMUR_DECLARE_KERNEL(loss_forward, LossArgs)

}  // namespace murmur
