#pragma once

#include <cstdint>

#include "murmur/engine/convolution.hpp"
#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"

namespace murmur {

/// A depthwise convolution: each channel has a filter of its own. Channels last; `shape.filters` is `shape.channels`.
/// Shapes: x [P, m, padded input_size], weight [P, C, kernel x kernel], output [P, m, padded output_size].
template <class T>
struct DepthwiseArgs {
  int64_t num_networks = 0;
  ConvolutionShape shape;
  PerNetwork<const T> x;
  PerNetwork<const T> weight;
  PerNetwork<T> output;
};

/// Its backward; the gradient of the weight adds up, that of x where `accumulate` says so. grad_input null: none.
template <class T>
struct DepthwiseBackwardArgs {
  DepthwiseArgs<T> forward;
  PerNetwork<const T> grad_output;
  PerNetwork<T> grad_weight;
  PerNetwork<T> grad_input;
  bool accumulate = false;
};

MURMUR_DECLARE_KERNEL(depthwise_forward, DepthwiseArgs)
MURMUR_DECLARE_KERNEL(depthwise_backward, DepthwiseBackwardArgs)

}  // namespace murmur
