#pragma once

#include <cstdint>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/image_size.hpp"
#include "murmur/engine/quad.hpp"

namespace murmur {

/// Images are sample-major [P, m, padded D], D = height x width x channels, with channels last or in blocks of 16
/// channels (ImageLayout), of which each is an image with channels last. Their kernels take tiles of `rows_per_tile`
/// samples and one block, and walk over it in steps of whole channels, so that a lane stays with its channels:
///
///     a sample, 3 x 2 pixels of 4 channels:   0123 0123 0123 0123 0123 0123     (24 elements, 6 quads)
///     a step of 2 lanes, a quad each:         [lane 0][lane 1]                  then the next two, and so on
///
/// Lane 0 sees channels 0 to 3 in every step; with 6 channels a walk's step holds whole pixels of 6 elements each. So a
/// bias is loaded once a tile, and a lane adds up what belongs to its channels without atomics.
///
/// Sums over the samples and pixels of a channel leave a kernel as partial sums [P, tiles, 2, n]
/// (ImageTiles::num_sums): one a tile and element of a step; of a tile with c channels, element k belongs to channel k
/// mod c. A GPU, which has many tiles, folds a tile's sums first: then n is padded c. The order of every sum is fixed.
inline constexpr int kImageLanes = 256;

/// Quads of a step: the largest number up to kImageLanes that holds whole channels; 0 where there are too many
/// channels.
MURMUR_HD constexpr int64_t quads_per_walk(int64_t channels) {
  const int64_t period = channels % 4 == 0 ? channels / 4 : (channels % 2 == 0 ? channels / 2 : channels);
  return kImageLanes / period * period;
}

/// Blocks of channels that images are in; 1 with channels last.
MURMUR_HD constexpr int64_t num_channel_blocks(const ImageSize& size, ImageLayout layout) {
  return layout == ImageLayout::kChannelBlocks ? size.channels / kChannelBlock : 1;
}

/// The images that a kernel works on, and how it cuts a micro-batch of them into tiles: those of the first samples come
/// first, a block of channels each.
struct ImageTiles {
  ImageSize size;
  ImageLayout layout = ImageLayout::kChannelsLast;
  int64_t rows_per_tile = 1;
  bool folds_sums = false;

  /// Tiles of a network.
  MURMUR_HD constexpr int64_t count(int64_t micro_batch) const {
    return (micro_batch + rows_per_tile - 1) / rows_per_tile * num_channel_blocks(size, layout);
  }
  /// Elements of each of a tile's partial sums, whole quads, and how many of them belong to one channel.
  MURMUR_HD constexpr int64_t num_sums() const {
    return folds_sums ? 4 * num_quads(channels()) : 4 * quads_per_walk(channels());
  }
  MURMUR_HD constexpr int64_t sums_of_channel() const { return folds_sums ? 1 : num_sums() / channels(); }

  /// Channels of a tile.
  MURMUR_HD constexpr int64_t channels() const { return size.channels / num_channel_blocks(size, layout); }
};

}  // namespace murmur
