// Masks on whole regions of images: channels, and blocks of pixels. One tile is a few samples of the micro-batch.
#include "murmur/kernels/region_masks.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/images.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

/// The random word of an element's channel in a sample, at item x quads of a pixel + quad of the channel.
struct ChannelWords {
  ImageWords words;  // of one pixel
  int32_t first;     // element of the step's first lane, within the part
  int32_t channels;  // of the part

  MURMUR_HD uint32_t operator()(int32_t e) const {
    const int32_t channel = first + e - quotient(first + e, channels) * channels;
    const Quad<uint32_t> quad = words(Technique::kSpatialDropout, channel / 4);
    const int32_t lane = channel & 3;
    return lane < 2 ? (lane == 0 ? quad.v[0] : quad.v[1]) : (lane == 2 ? quad.v[2] : quad.v[3]);
  }
};

/// A bit for each of the four channels of a quad whose place is the centre of a block. The places make an image of
/// their own, with one pixel more on each side.
struct BlockCentres {
  ImageWords words;
  float probability;

  MURMUR_HD uint32_t operator()(int32_t k) const {
    const Quad<uint32_t> quad = words(Technique::kDropblock, k);
    return bit(quad.v[0]) | bit(quad.v[1]) << 1 | bit(quad.v[2]) << 2 | bit(quad.v[3]) << 3;
  }
  MURMUR_HD uint32_t bit(uint32_t word) const { return uniform(word) <= probability ? 1 : 0; }
};

template <class T>
struct RegionMasks {
  static constexpr int kWidth = kImageLanes;
  RegionMasksArgs<T> args;

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const TechniqueTable& techniques = args.step.techniques;
    const float gaussian = techniques.get(Technique::kGaussianDropout, network);
    const float channels = techniques.get(Technique::kSpatialDropout, network);
    const float blocks = techniques.get(Technique::kDropblock, network);
    if (gaussian <= 0 && channels <= 0 && blocks <= 0) return;
    const bool restores_signs =
        gaussian > 0 && !args.output.is_null() && techniques.get(Technique::kRrelu, network) > 0;
    const NetworkState& state = args.step.state[network];
    const ImageWalk walk(args.step, args.images, state, tile);
    for (int64_t row = walk.first_row; row < walk.last_row && row < walk.num_rows; ++row) {
      for (int64_t first = 0; first < walk.size; first += walk.stride) {
        const ImageLanes lanes = all.first_elements(walk.count(first));
        Elements<T> x(args.x[network] + walk.offset(row) + first);
        x.load(lanes);
        if (gaussian > 0) {
          const ImageWords words = words_of(args, state, walk, row, first);
          const T sigma = noise::gaussian_dropout_sigma(static_cast<T>(gaussian));
          PerImageElement<float> n;
          lanes.fill(n, [&](int i) { return normal(words(Technique::kGaussianDropout, i)); });
          lanes.elements([&](int e) { x[e] = noise::gaussian_dropout(x[e], sigma, n[e]); });
          if (restores_signs) {
            Elements<T> y(args.output[network] + walk.offset(row) + first);
            y.load(lanes);
            lanes.elements([&](int e) { y[e] = noise::gaussian_dropout(y[e], sigma, n[e]); });
            y.store(lanes);
          }
        }
        if (channels > 0) {
          const T scale = T{1} / (T{1} - static_cast<T>(channels));
          const ChannelWords words{words_of_pixels(walk.part, state, row, 1), static_cast<int32_t>(first),
                                   static_cast<int32_t>(walk.part.image.channels)};
          lanes.elements([&](int e) { x[e] = noise::dropout(x[e], channels, scale, words(e)); });
        }
        x.store(lanes);
      }
      if (blocks > 0) drop_blocks(all, walk, state, row, blocks, args.x[network] + walk.offset(row));
    }
  }

 private:
  /// Of an image of so many pixels a sample, and all channels.
  MURMUR_HD ImageWords words_of_pixels(const ImagePart& part, const NetworkState& state, int64_t row,
                                       int64_t pixels) const {
    const int64_t quads = num_quads(part.whole.channels);
    const bool is_whole = part.image.channels == part.whole.channels;
    const auto item = static_cast<uint64_t>(state.item + row);
    return {
        state.seed,        item * static_cast<uint64_t>(pixels * quads) + static_cast<uint64_t>(part.first_channel / 4),
        args.masks.layer,  0,
        is_whole ? 30 : 2, static_cast<int32_t>(quads)};
  }

  MURMUR_KERNEL void drop_blocks(const ImageLanes& all, const ImageWalk& walk, const NetworkState& state, int64_t row,
                                 float probability, T* image) const {
    const auto height = static_cast<int32_t>(walk.part.image.height);
    const auto width = static_cast<int32_t>(walk.part.image.width);
    const auto channels = static_cast<int32_t>(walk.part.image.channels);
    const auto quads = static_cast<int32_t>(num_quads(channels));
    const BlockCentres centres{words_of_pixels(walk.part, state, row, static_cast<int64_t>(height + 2) * (width + 2)),
                               noise::dropblock_centres(probability)};
    const Surroundings covered(all, height, width, quads, centres);
    const T scale = T{1} / (T{1} - static_cast<T>(probability));
    for (int64_t first = 0; first < walk.size; first += walk.stride) {
      const ImageLanes lanes = all.first_elements(walk.count(first));
      Elements<T> x(image + first);
      x.load(lanes);
      const auto begin = static_cast<int32_t>(first);
      if (channels % 4 == 0) {
        PerImageElement<uint32_t> bits;
        lanes.fill(bits, [&](int i) {
          const uint32_t quad = covered(begin / 4 + i);
          return Quad<uint32_t>{quad & 1, quad & 2, quad & 4, quad & 8};
        });
        lanes.elements([&](int e) { x[e] = bits[e] != 0 ? T{0} : x[e] * scale; });
      } else {
        lanes.elements([&](int e) {
          const int32_t pixel = quotient(begin + e, channels);
          const int32_t channel = begin + e - pixel * channels;
          x[e] = (covered(pixel * quads + channel / 4) >> (channel & 3) & 1) != 0 ? T{0} : x[e] * scale;
        });
      }
      x.store(lanes);
    }
  }
};

}  // namespace

template <class T>
void region_masks(murmur::Stream& stream, const RegionMasksArgs<T>& args) {
  launch(stream, "region_masks", args.step.num_networks, args.images.count(args.step.micro_batch),
         RegionMasks<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(region_masks, RegionMasksArgs)

}  // namespace murmur::MURMUR_TARGET
