#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/image_tiles.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

enum class Pooling : uint8_t { kNone, kMax, kAverage };

/// Windows that do not overlap; what is left at the edges is not read.
struct PoolingWindow {
  Pooling pooling = Pooling::kNone;
  int64_t height = 1;
  int64_t width = 1;
};

/// Kernel 2 for a convolution, the second half, out of place: batch norm (scale x + shift) · + residual · activation
/// noise · ReLU · pooling · dropout · next layer's input mask. A residual and a ReLU come without pooling.
/// Shapes: x [P, m, padded D], output and residual [P, m, padded D'] with D' = out_height x out_width x C, scale_shift
/// [P, 2, padded C] or null.
template <class T>
struct NormPoolArgs {
  StepArgs step;
  ImageTiles images;  // x
  PoolingWindow window;
  bool relu = false;
  LayerMasks masks;
  const T* scale_shift = nullptr;
  PerNetwork<const T> x;
  PerNetwork<const T> residual;
  PerNetwork<T> output;

  MURMUR_HD ImageTiles output_images() const {
    const ImageSize size{images.size.height / window.height, images.size.width / window.width, images.size.channels};
    return {size, images.layout, images.rows_per_tile, images.folds_sums};
  }
};

/// Its backward: grad_input gets the gradient of scale x + shift (of x, where there is no norm), and sums the partial
/// sums of it and of its product with x. grad_output is overwritten; without pooling grad_input is grad_output. The
/// gradients have the strides of what they are gradients of.
template <class T>
struct NormPoolBackwardArgs {
  NormPoolArgs<T> forward;
  T* grad_output = nullptr;
  T* grad_input = nullptr;
  T* grad_residual = nullptr;
  bool accumulate_residual = false;
  T* sums = nullptr;
};

MURMUR_DECLARE_KERNEL(norm_pool_forward, NormPoolArgs)
MURMUR_DECLARE_KERNEL(norm_pool_backward, NormPoolBackwardArgs)

}  // namespace murmur
