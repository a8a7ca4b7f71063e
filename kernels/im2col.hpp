#pragma once

#include <cstdint>

#include "murmur/engine/convolution.hpp"
#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"

namespace murmur {

/// Convolution as a matrix product, where no library does it: rows of `columns` are output pixels, and hold what their
/// filters see. Samples [first_row, first_row + num_rows) only.
/// Shapes: x [P, m, padded D], columns [P, num_rows, out_height, out_width, padded filter_size].
template <class T>
struct Im2colArgs {
  int64_t num_networks = 0;
  ConvolutionShape shape;
  int64_t first_row = 0;
  int64_t num_rows = 0;
  PerNetwork<T> x;
  PerNetwork<T> columns;
  bool accumulate = false;  // col2im only: add to x
};

MURMUR_DECLARE_KERNEL(im2col, Im2colArgs)
MURMUR_DECLARE_KERNEL(col2im, Im2colArgs)

}  // namespace murmur
