#pragma once

#include "engine/random/philox.hpp"
#include "kernels/kernels.hpp"
#include "kernels/noise/activation.hpp"
#include "kernels/parallel.hpp"

// What the kernels over images [P, m, padded D], channels last, share: their walk, their channels, their masks.
namespace murmur::MURMUR_TARGET {

template <class T>
using ImageQuads = PerLaneQuad<T, kImageLanes>;
using ImageLanes = Lanes<kImageLanes>;

MURMUR_HD int64_t elements(const noise::ImageSize& size) {
  return size.height * size.width * size.channels;
}

/// The samples of one tile, and the steps in which its lanes walk over a sample.
struct ImageWalk {
  int64_t size;
  int64_t quads;
  int64_t stride;    // quads of a step: whole channels
  int64_t num_rows;  // rows of the micro-batch that hold a sample
  int64_t first_row;
  int64_t last_row;

  MURMUR_HD ImageWalk(const noise::ImageSize& image, const StepArgs& step, const NetworkState& state,
                      int64_t rows_per_tile, int64_t tile)
      : size(elements(image)),
        quads(num_quads(size)),
        stride(quads_per_walk(image.channels)),
        num_rows(state.num_rows(step.micro_batch, step.epoch_size)),
        first_row(tile * rows_per_tile),
        last_row(first_row + rows_per_tile < step.micro_batch ? first_row + rows_per_tile : step.micro_batch) {}

  MURMUR_HD int64_t count(int64_t first) const { return quads - first < stride ? quads - first : stride; }
};

/// The value of each lane's four channels, from an array [padded C].
template <class T>
MURMUR_KERNEL void load_channels(const ImageLanes& lanes, const T* values, int64_t num_channels, ImageQuads<T>& out) {
  const auto channels = static_cast<int32_t>(num_channels);
  lanes.each([&](int i) {
    const int32_t e = 4 * i;
    out.set(i,
            {values[e % channels], values[(e + 1) % channels], values[(e + 2) % channels], values[(e + 3) % channels]});
  });
}

/// The padding of a sample's last quad becomes 0. `first` is the walk's first quad of `size` elements.
template <class T>
MURMUR_KERNEL void clear_padding(const ImageLanes& lanes, int64_t first, int64_t size, ImageQuads<T>& x) {
  const int64_t whole = size / 4;
  if (4 * whole == size || lanes.count() + first <= whole) return;
  const int64_t rest = size - 4 * whole;
  lanes.each([&](int i) {
    if (first + i != whole) return;
    const Quad<T> value = x.get(i);
    x.set(i, {value.v[0], rest > 1 ? value.v[1] : T{0}, rest > 2 ? value.v[2] : T{0}, T{0}});
  });
}

template <class T>
MURMUR_KERNEL void clear_row(const ImageLanes& all, int64_t quads, Quad<T>* row) {
  for (int64_t first = 0; first < quads; first += kImageLanes) {
    all.first(quads - first).each([&](int i) { row[first + i] = {}; });
  }
}

template <class T>
MURMUR_HD Quad<T> plus(const Quad<T>& a, const Quad<T>& b) {
  return map(a, b, [](T x, T y) { return x + y; });
}

template <class T>
MURMUR_HD Quad<T> times(const Quad<T>& a, const Quad<T>& b) {
  return map(a, b, [](T x, T y) { return x * y; });
}

/// Two sums for each element of a tile's lanes, and their way into memory.
template <class T>
struct TileSums {
  ImageQuads<T> first, second;

  MURMUR_KERNEL void clear(const ImageLanes& all) {
    all.each([&](int i) {
      first.set(i, {});
      second.set(i, {});
    });
  }
  MURMUR_KERNEL void store(const ImageLanes& lanes, T* sums, int64_t tile_index) const {
    Quad<T>* target = as_quads(sums + tile_index * 2 * kChannelSums);
    lanes.each([&](int i) {
      target[i] = first.get(i);
      target[kImageLanes + i] = second.get(i);
    });
  }
};

/// The random words of one walk over a sample: quad q of the sample is at item * quads_per_item + q.
struct ImageWords {
  uint64_t seed;
  uint64_t position;
  uint32_t layer;

  MURMUR_HD Quad<uint32_t> operator()(Technique technique, int i) const {
    return philox(position + static_cast<uint64_t>(i), make_site(technique, layer), 0, seed);
  }
};

template <class Args>
MURMUR_HD ImageWords words_of(const Args& args, const NetworkState& state, int64_t row, int64_t quads, int64_t first) {
  return {state.seed, static_cast<uint64_t>((state.item + row) * quads + first), args.layer};
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
  MURMUR_KERNEL void apply(const ImageLanes& lanes, ImageQuads<T>& x, const ImageWords& words) const {
    if (dropout > 0) {
      const T scale = T{1} / (T{1} - static_cast<T>(dropout));
      const float probability = dropout;
      lanes.compute(
          [&](int i) { x.set(i, noise::dropout(x.get(i), probability, scale, words(Technique::kDropout, i))); });
    }
    if (next_input > 0) {
      const float probability = next_input;
      lanes.compute(
          [&](int i) { x.set(i, noise::input_mask(x.get(i), probability, words(Technique::kDropconnect, i))); });
    }
  }
};

}  // namespace murmur::MURMUR_TARGET
