#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/image_tiles.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// The statistics of a batch norm from the partial sums of its input, per network and channel: in training those of the
/// micro-batch (ghost batch norm), which also move the running ones; in evaluation the running ones.
/// Shapes: sums [P, tiles, 2, num_sums] or null (evaluation); gamma, beta [P, padded C] of one stride; running
/// (mean, variance), saved (mean, 1 / deviation), scale_shift [P, 2, padded C].
template <class T>
struct BatchStatisticsArgs {
  StepArgs step;
  ImageTiles images;
  const T* sums = nullptr;
  PerNetwork<const T> gamma;
  PerNetwork<const T> beta;
  T* running = nullptr;
  T* saved = nullptr;
  T* scale_shift = nullptr;
};

/// Gradients of gamma and beta (they add up), and the coefficients of BiasReluBackwardArgs, from the partial sums of
/// NormPoolBackwardArgs.
template <class T>
struct BatchStatisticsBackwardArgs {
  BatchStatisticsArgs<T> forward;
  const T* sums = nullptr;
  PerNetwork<T> grad_gamma;
  PerNetwork<T> grad_beta;
  T* coefficients = nullptr;
};

/// The gradient of a bias from the partial sums of BiasReluBackwardArgs; it adds up. Shapes: grad_bias [P, padded C].
template <class T>
struct BiasGradientArgs {
  StepArgs step;
  ImageTiles images;
  const T* sums = nullptr;
  PerNetwork<T> grad_bias;
};

MURMUR_DECLARE_KERNEL(batch_statistics, BatchStatisticsArgs)
MURMUR_DECLARE_KERNEL(batch_statistics_backward, BatchStatisticsBackwardArgs)
MURMUR_DECLARE_KERNEL(bias_gradient, BiasGradientArgs)

}  // namespace murmur
