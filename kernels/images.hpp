#pragma once

#include "murmur/engine/random/philox.hpp"
#include "murmur/kernels/image_tiles.hpp"
#include "murmur/kernels/negative_slope.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/techniques/noise/activation.hpp"

// What the kernels over images [P, m, padded D] share: their walk, their channels, their masks.
namespace murmur::MURMUR_TARGET {

using ImageLanes = Lanes<kImageLanes>;
template <class T>
using PerImageElement = PerElement<T, kImageLanes>;

MURMUR_HD int64_t num_blocks(const ImageSize& size, ImageLayout layout) {
  return kHasChannelBlocks ? num_channel_blocks(size, layout) : 1;
}

/// What one tile sees of each sample: a block of its channels (all of them with channels last), an image by itself.
struct ImagePart {
  ImageSize whole;
  ImageSize image;
  int64_t index;  // of the block
  int64_t first_channel;

  MURMUR_HD ImagePart(const ImageSize& size, ImageLayout layout, int64_t tile)
      : whole(size),
        image{size.height, size.width, size.channels / num_blocks(size, layout)},
        index(tile % num_blocks(size, layout)),
        first_channel(index * image.channels) {}

  /// Elements from sample to sample, and from a sample's start to the part's.
  MURMUR_HD int64_t row_stride() const { return 4 * num_quads(whole.elements()); }
  MURMUR_HD int64_t start() const { return index * image.elements(); }
};

/// The samples of one tile, and the steps in which its lanes walk over its part of a sample.
struct ImageWalk {
  ImagePart part;
  int64_t size;
  int64_t stride;    // elements of a step: whole channels
  int64_t num_rows;  // rows of the micro-batch that hold a sample
  int64_t first_row;
  int64_t last_row;
  bool folds_sums;

  MURMUR_HD ImageWalk(const StepArgs& step, const ImageTiles& images, const NetworkState& state, int64_t tile)
      : part(images.size, images.layout, tile),
        size(part.image.elements()),
        stride(4 * quads_per_walk(part.image.channels)),
        num_rows(state.num_rows(step.micro_batch, step.epoch_size)),
        first_row(tile / num_blocks(images.size, images.layout) * images.rows_per_tile),
        last_row(first_row + images.rows_per_tile < step.micro_batch ? first_row + images.rows_per_tile
                                                                     : step.micro_batch),
        folds_sums(images.folds_sums) {}

  /// Elements from the network's first sample to this tile's part of a row.
  MURMUR_HD int64_t offset(int64_t row) const { return row * part.row_stride() + part.start(); }
  /// ImageTiles::num_sums.
  MURMUR_HD int64_t num_sums() const { return folds_sums ? 4 * num_quads(part.image.channels) : stride; }
  /// Elements of the step that starts at `first`.
  MURMUR_HD int64_t count(int64_t first) const { return size - first < stride ? size - first : stride; }
};

/// The value of each element's channel, from an array [padded C].
template <class T>
MURMUR_KERNEL void load_channels(const ImageLanes& lanes, const T* array, const ImagePart& part,
                                 PerImageElement<T>& out) {
  const T* values = array + part.first_channel;
  const auto channels = static_cast<int32_t>(part.image.channels);
  const auto channel = [channels](int32_t e) { return e - quotient(e, channels) * channels; };
  lanes.fill(out, [&](int i) {
    const int32_t e = 4 * i;
    return Quad<T>{values[channel(e)], values[channel(e + 1)], values[channel(e + 2)], values[channel(e + 3)]};
  });
}

template <class T>
MURMUR_KERNEL void load_constant(const ImageLanes& lanes, T value, PerImageElement<T>& out) {
  lanes.fill(out, [&](int) { return Quad<T>{value, value, value, value}; });
}

template <class T>
MURMUR_KERNEL void clear_row(const ImageLanes& all, int64_t size, T* row) {
  for (int64_t first = 0; first < size; first += 4 * kImageLanes) {
    const ImageLanes lanes = all.first_elements(size - first);
    Elements<T> x(row + first);
    lanes.elements([&](int e) { x[e] = T{0}; });
    x.store(lanes);
  }
}

/// Two sums for each element of a tile's lanes, and their way into memory.
template <class T>
struct TileSums {
  PerImageElement<T> first, second;

  MURMUR_KERNEL void clear(const ImageLanes& all) {
    load_constant(all, T{0}, first);
    load_constant(all, T{0}, second);
  }
  MURMUR_KERNEL void store(const ImageLanes& all, const ImageWalk& walk, T* sums, int64_t tile_index) const {
    store_one(all, walk, first, sums + tile_index * 2 * walk.num_sums());
    store_one(all, walk, second, sums + (tile_index * 2 + 1) * walk.num_sums());
  }
  MURMUR_KERNEL void store_first(const ImageLanes& all, const ImageWalk& walk, T* sums, int64_t tile_index) const {
    store_one(all, walk, first, sums + tile_index * 2 * walk.num_sums());
  }

 private:
  MURMUR_KERNEL static void store_one(const ImageLanes& all, const ImageWalk& walk, const PerImageElement<T>& sum,
                                      T* memory) {
    if (walk.folds_sums) {
      all.fold(sum, static_cast<int>(walk.stride), static_cast<int>(walk.part.image.channels), memory);
      return;
    }
    const ImageLanes lanes = all.first_elements(walk.stride);
    Elements<T> target(memory);
    lanes.elements([&](int e) { target[e] = sum[e]; });
    target.store(lanes);
  }
};

/// The random words of one step over a sample: quad q of the sample, with its channels last, is at
/// item * quads_per_item + q. Where a quad is in memory makes no difference.
struct ImageWords {
  uint64_t seed;
  uint64_t position;  // of the part's first quad
  uint32_t layer;
  int32_t first;           // quad of the step's first lane, within the part
  int32_t shift;           // quads of a pixel in this part are 2^shift,
  int32_t quads_of_pixel;  // and these in all blocks together

  MURMUR_HD Quad<uint32_t> operator()(Technique technique, int i) const {
    const int32_t place = kHasChannelBlocks ? place_of(first + i) : first + i;
    return philox(position + static_cast<uint64_t>(place), make_site(technique, layer), 0, seed);
  }
  MURMUR_HD int32_t place_of(int32_t quad) const {
    const int32_t pixel = quad >> shift;
    return pixel * quads_of_pixel + (quad - (pixel << shift));
  }
};

template <class Args>
MURMUR_HD ImageWords words_of(const Args& args, const NetworkState& state, const ImageWalk& walk, int64_t row,
                              int64_t first) {
  static_assert(kChannelBlock == 4 << 2);
  const bool is_whole = args.images.layout == ImageLayout::kChannelsLast;  // then all of it counts as one pixel
  const int64_t quads = walk.part.row_stride() / 4;
  return {state.seed,        static_cast<uint64_t>((state.item + row) * quads + walk.part.first_channel / 4),
          args.masks.layer,  static_cast<int32_t>(first / 4),
          is_whole ? 30 : 2, static_cast<int32_t>(walk.part.whole.channels / 4)};
}

template <class Normals, class T>
MURMUR_KERNEL void noise_relu(const ImageLanes& lanes, Elements<T>& x, T sigma, const NegativeSlope<T>& slope,
                              const ImageWords& words) {
  if (sigma > 0) {
    PerImageElement<float> n;
    lanes.fill(n, [&](int i) { return Normals()(words(Technique::kActivationNoise, i)); });
    lanes.elements([&](int e) { x[e] = noise::activation_noise(x[e], sigma, n[e]); });
  }
  if (slope.largest > 0) {
    PerImageElement<uint32_t> word;
    lanes.fill(word, [&](int i) { return words(Technique::kRrelu, i); });
    const T largest = slope.largest;
    lanes.elements([&](int e) { x[e] = noise::rrelu(x[e], largest, word[e]); });
  } else if (slope.mean > 0) {
    const T mean = slope.mean;
    lanes.elements([&](int e) { x[e] = noise::leaky_relu(x[e], mean); });
  } else {
    lanes.elements([&](int e) { x[e] = noise::relu(x[e]); });
  }
}

/// `y`: the output, or a positive multiple of it. One that is 0 was cut off by the ReLU or by a mask; a NaN must pass.
template <class Output, class T>
MURMUR_KERNEL void relu_gradient(const ImageLanes& lanes, Elements<T>& grad, const Output& y, float rrelu,
                                 const ImageWords& words) {
  if (rrelu > 0) {
    PerImageElement<uint32_t> word;
    lanes.fill(word, [&](int i) { return words(Technique::kRrelu, i); });
    const T largest = static_cast<T>(rrelu);
    lanes.elements([&](int e) { grad[e] = noise::rrelu_gradient(grad[e], y[e], largest, word[e]); });
  } else {
    lanes.elements([&](int e) { grad[e] = y[e] == T{0} ? T{0} : grad[e]; });
  }
}

/// The masks at a layer's end, the same in forward and backward (each is its own gradient rule).
struct ImageMasks {
  float dropout;
  float next_input;

  template <class Args>
  MURMUR_KERNEL ImageMasks(const Args& args, int64_t network)
      : dropout(args.masks.dropout ? args.step.techniques.get(Technique::kDropout, network) : 0.0f),
        next_input(args.masks.next_input ? args.step.techniques.get(Technique::kDropconnect, network) : 0.0f) {}

  template <class T>
  MURMUR_KERNEL void apply(const ImageLanes& lanes, Elements<T>& x, const ImageWords& words) const {
    PerImageElement<uint32_t> word;
    if (dropout > 0) {
      const T scale = T{1} / (T{1} - static_cast<T>(dropout));
      const float probability = dropout;
      lanes.fill(word, [&](int i) { return words(Technique::kDropout, i); });
      lanes.elements([&](int e) { x[e] = noise::dropout(x[e], probability, scale, word[e]); });
    }
    if (next_input > 0) {
      const float probability = next_input;
      lanes.fill(word, [&](int i) { return words(Technique::kDropconnect, i); });
      lanes.elements([&](int e) { x[e] = noise::input_mask(x[e], probability, word[e]); });
    }
  }
};

}  // namespace murmur::MURMUR_TARGET
