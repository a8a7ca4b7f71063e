// Masks on whole regions of images: channels, and blocks of pixels. One tile is a few samples of the micro-batch.
#include "murmur/kernels/region_masks.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/images.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

/// The random words of whole regions of a sample's image: of its channels, and of the places around each of its
/// elements. A pixel may have any number of channels.
struct RegionWords {
  uint64_t seed;
  uint64_t item;
  uint32_t site;
  int32_t first;  // element of the step's first lane, within the part
  int32_t height, width;
  int32_t channels;       // of the part
  int32_t first_channel;  // of the part among all,
  int32_t quads;          // of which there are these

  MURMUR_HD RegionWords(const ImagePart& part, Technique technique, const ImageWords& words, int64_t sample)
      : seed(words.seed),
        item(static_cast<uint64_t>(sample)),
        site(make_site(technique, words.layer)),
        first(4 * words.first),
        height(static_cast<int32_t>(part.image.height)),
        width(static_cast<int32_t>(part.image.width)),
        channels(static_cast<int32_t>(part.image.channels)),
        first_channel(static_cast<int32_t>(part.first_channel)),
        quads(static_cast<int32_t>(num_quads(part.whole.channels))) {}

  /// The word of an element's channel, at item x quads of a pixel + quad of the channel.
  MURMUR_HD uint32_t of_channel(int32_t e) const {
    const int32_t pixel = quotient(first + e, channels);
    return word(item, first_channel + first + e - pixel * channels);
  }

  /// True where one of the 3 x 3 places around an element has a word with U <= centre. The places make an image of
  /// their own, with one pixel more on each side.
  MURMUR_HD bool is_near(int32_t e, float centre) const {
    const int32_t pixel = quotient(first + e, channels);
    const int32_t channel = first_channel + first + e - pixel * channels;
    const int32_t y = quotient(pixel, width);
    const int32_t x = pixel - y * width;
    bool near = false;
    MURMUR_ROLLED
    for (int32_t i = 0; i < 3; ++i) {
      const uint64_t line = item * static_cast<uint64_t>(height + 2) + static_cast<uint64_t>(y + i);
      MURMUR_ROLLED
      for (int32_t j = 0; j < 3; ++j) {
        const uint64_t place = line * static_cast<uint64_t>(width + 2) + static_cast<uint64_t>(x + j);
        near = uniform(word(place, channel)) <= centre || near;
      }
    }
    return near;
  }

 private:
  MURMUR_HD uint32_t word(uint64_t pixel, int32_t channel) const {
    const uint64_t position = pixel * static_cast<uint64_t>(quads) + static_cast<uint64_t>(channel / 4);
    const Quad<uint32_t> words = philox(position, site, 0, seed);
    const int32_t lane = channel & 3;
    return lane < 2 ? (lane == 0 ? words.v[0] : words.v[1]) : (lane == 2 ? words.v[2] : words.v[3]);
  }
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
        const ImageWords words = words_of(args, state, walk, row, first);
        Elements<T> x(args.x[network] + walk.offset(row) + first);
        x.load(lanes);
        if (gaussian > 0) {
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
          const RegionWords regions(walk.part, Technique::kSpatialDropout, words, state.item + row);
          lanes.elements([&](int e) { x[e] = noise::dropout(x[e], channels, scale, regions.of_channel(e)); });
        }
        if (blocks > 0) {
          const T scale = T{1} / (T{1} - static_cast<T>(blocks));
          const float centre = noise::dropblock_centres(blocks);
          const RegionWords regions(walk.part, Technique::kDropblock, words, state.item + row);
          lanes.elements([&](int e) { x[e] = regions.is_near(e, centre) ? T{0} : x[e] * scale; });
        }
        x.store(lanes);
      }
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
