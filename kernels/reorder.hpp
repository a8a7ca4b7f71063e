#pragma once

#include <cstdint>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/image_size.hpp"
#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"

namespace murmur {

/// Images with channels last from images in blocks of channels, or the other way round. Shapes: [P, m, D], C a multiple
/// of 16.
template <class T>
struct ReorderArgs {
  int64_t num_networks = 0;
  int64_t num_rows = 0;
  ImageSize size;
  ImageLayout from = ImageLayout::kChannelBlocks;
  PerNetwork<const T> source;
  PerNetwork<T> target;
};

MURMUR_DECLARE_KERNEL(reorder, ReorderArgs)

}  // namespace murmur
