#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Kernel 3, the loss: logit noise (in place) · bias · softmax · cross-entropy · label smoothing · factors on each
/// sample's loss (noise, exponential weights, dropout) · gradient · hit count, one pass; adds to the state's sums and
/// marks a network whose loss is not finite as diverged. Of a sample with two labels the first one counts as a hit.
/// Shapes: logits, grad [P, padded K, m] of one stride; bias, grad_bias [P, padded K] of one stride; targets,
/// second_targets, target_shares [P, m]. grad and grad_bias null: evaluation. The second targets are read where they
/// are given and mixup or CutMix is on.
template <class T>
struct LossArgs {
  StepArgs step;
  int64_t num_classes = 0;
  PerNetwork<T> logits;
  PerNetwork<const T> bias;
  const int32_t* targets = nullptr;
  const int32_t* second_targets = nullptr;
  const float* target_shares = nullptr;
  T* grad = nullptr;
  T* grad_bias = nullptr;
};

MURMUR_DECLARE_KERNEL(loss_forward, LossArgs)

}  // namespace murmur
