#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/image_tiles.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Kernel 2 for a convolution, the first half, in place: bias · activation noise · ReLU · dropout · next layer's input
/// mask · partial sums for a batch norm.
/// Shapes: x [P, m, padded D], bias [P, padded C], sums [P, tiles, 2, num_sums] or null.
template <class T>
struct BiasReluArgs {
  StepArgs step;
  ImageTiles images;
  bool relu = true;  // with its noise; false: the ReLU comes after a batch norm
  LayerMasks masks;
  PerNetwork<T> x;
  PerNetwork<const T> bias;
  T* sums = nullptr;
};

/// Its backward, in place: grad (stride of x) turns from the gradient of the output into that of the convolution's
/// result, and sums get its partial sums: the bias's gradient. `coefficients` [P, 3, padded C], where a batch norm
/// follows: its gradient is a grad + b x + c.
template <class T>
struct BiasReluBackwardArgs {
  BiasReluArgs<T> forward;
  const T* coefficients = nullptr;
  T* grad = nullptr;
  T* sums = nullptr;
};

MURMUR_DECLARE_KERNEL(bias_relu_forward, BiasReluArgs)
MURMUR_DECLARE_KERNEL(bias_relu_backward, BiasReluBackwardArgs)

}  // namespace murmur
