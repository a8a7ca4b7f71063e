#pragma once

#include "engine/random/philox.hpp"
#include "kernels/kernels.hpp"
#include "kernels/noise/activation.hpp"
#include "kernels/parallel.hpp"

// What the kernels over images [P, m, padded D], channels last, share: their walk, their channels, their masks.
namespace murmur::MURMUR_TARGET {

using ImageLanes = Lanes<kImageLanes>;
template <class T>
using PerImageElement = PerElement<T, kImageLanes>;

MURMUR_HD int64_t elements(const noise::ImageSize& size) {
  return size.height * size.width * size.channels;
}

/// The samples of one tile, and the steps in which its lanes walk over a sample.
struct ImageWalk {
  int64_t size;
  int64_t quads;
  int64_t stride;    // elements of a step: whole channels
  int64_t num_rows;  // rows of the micro-batch that hold a sample
  int64_t first_row;
  int64_t last_row;

  MURMUR_HD ImageWalk(const noise::ImageSize& image, const StepArgs& step, const NetworkState& state,
                      int64_t rows_per_tile, int64_t tile)
      : size(elements(image)),
        quads(num_quads(size)),
        stride(4 * quads_per_walk(image.channels)),
        num_rows(state.num_rows(step.micro_batch, step.epoch_size)),
        first_row(tile * rows_per_tile),
        last_row(first_row + rows_per_tile < step.micro_batch ? first_row + rows_per_tile : step.micro_batch) {}

  /// Elements of the step that starts at `first`.
  MURMUR_HD int64_t count(int64_t first) const { return size - first < stride ? size - first : stride; }
};

/// The value of each element's channel, from an array [padded C].
template <class T>
MURMUR_KERNEL void load_channels(const ImageLanes& lanes, const T* values, int64_t num_channels,
                                 PerImageElement<T>& out) {
  const auto channels = static_cast<int32_t>(num_channels);
  lanes.fill(out, [&](int i) {
    const int32_t e = 4 * i;
    return Quad<T>{values[e % channels], values[(e + 1) % channels], values[(e + 2) % channels],
                   values[(e + 3) % channels]};
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
  MURMUR_KERNEL void store(const ImageLanes& lanes, T* sums, int64_t tile_index) const {
    Elements<T> a(sums + tile_index * 2 * kChannelSums);
    Elements<T> b(sums + (tile_index * 2 + 1) * kChannelSums);
    lanes.elements([&](int e) {
      a[e] = first[e];
      b[e] = second[e];
    });
    a.store(lanes);
    b.store(lanes);
  }
};

/// The random words of one step over a sample: quad q of the sample is at item * quads_per_item + q.
struct ImageWords {
  uint64_t seed;
  uint64_t position;
  uint32_t layer;

  MURMUR_HD Quad<uint32_t> operator()(Technique technique, int i) const {
    return philox(position + static_cast<uint64_t>(i), make_site(technique, layer), 0, seed);
  }
};

template <class Args>
MURMUR_HD ImageWords words_of(const Args& args, const NetworkState& state, const ImageWalk& walk, int64_t row,
                              int64_t first) {
  return {state.seed, static_cast<uint64_t>((state.item + row) * walk.quads + first / 4), args.layer};
}

template <class T>
MURMUR_KERNEL void noise_relu(const ImageLanes& lanes, Elements<T>& x, T sigma, const ImageWords& words) {
  if (sigma > 0) {
    PerImageElement<float> n;
    lanes.fill(n, [&](int i) { return normal(words(Technique::kActivationNoise, i)); });
    lanes.elements([&](int e) { x[e] = noise::activation_noise(x[e], sigma, n[e]); });
  }
  lanes.elements([&](int e) { x[e] = noise::relu(x[e]); });
}

/// The masks at a layer's end, the same in forward and backward (each is its own gradient rule).
struct ImageMasks {
  float dropout;
  float next_input;

  template <class Args>
  MURMUR_KERNEL ImageMasks(const Args& args, int64_t network)
      : dropout(args.dropout ? args.step.techniques.get(Technique::kDropout, network) : 0.0f),
        next_input(args.mask_next_input ? args.step.techniques.get(Technique::kDropconnect, network) : 0.0f) {}

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
