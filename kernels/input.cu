// Kernel 1: the input. One tile is one row of the micro-batch; its lanes walk over the quads of the sample.
#include "murmur/kernels/input.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/kernels/parallel_normals.hpp"
#include "murmur/techniques/noise/activation.hpp"
#include "murmur/techniques/noise/geometry.hpp"
#include "murmur/techniques/noise/input.hpp"
#include "murmur/techniques/noise/regions.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T, class Normals>
struct InputForward {
  static constexpr int kWidth = 256;
  InputArgs<T> args;
  noise::Grid grid;

  /// One row: where its pixels come from and which noise is on.
  struct Row {
    const uint8_t* pixels;
    T* output;
    uint64_t seed;
    int64_t item;
    T scale;  // 1/255, or 0 for a row without a sample
    float noise;
    float mask;
    float contrast;  // the factor, 1 for off
    bool has_sample;
    bool resampled;
    noise::AffineMap map;
    noise::Offset crop;
    noise::Box zeros[2];    // of cutout, and of random erasing
    noise::Mixing mixing;   // with the sample of
    const uint8_t* others;  // these pixels

    MURMUR_HD bool is_cropped() const { return crop.x != 0 || crop.y != 0; }
  };

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t row_index) const {
    const Row row = all.once([&] { return describe(all, network, row_index); });
    const int64_t size = args.sample_size();
    const Image image = image_of(all, row, row.pixels);
    // Mixing needs a second image, and contrast the mean of each channel before its first pixel: a second walk, through
    // the row's place in memory.
    const int num_walks = row.contrast != 1.0f || row.mixing.is_on() ? 2 : 1;
    for (int walk = 0; walk < num_walks; ++walk) {
      for (int64_t first = 0; first < size; first += 4 * kWidth) {
        const Lanes<kWidth> lanes = all.first_elements(size - first);
        Elements<T> x(row.output + first);
        if (walk == 0) {
          load(lanes, row, image, row.pixels, first, x);
        } else {
          x.load(lanes);
        }
        if (walk + 1 == num_walks) {
          clear_boxes(lanes, row, first, x);
          add_noise(lanes, row, network, first / 4, x);
        }
        x.store(lanes);
      }
      if (walk + 1 == num_walks) break;
      if (row.mixing.is_on()) mix(all, row);
      if (row.contrast != 1.0f) stretch(all, row);
    }
  }

  MURMUR_KERNEL Image image_of(const Lanes<kWidth>& all, const Row& row, const uint8_t* pixels) const {
    return Image(all, pixels, row.resampled ? args.sample_size() : 0, args.size.channels,
                 args.size.width * args.size.channels);
  }

  MURMUR_KERNEL Row describe(const Lanes<kWidth>& all, int64_t network, int64_t index) const {
    const StepArgs& step = args.step;
    const TechniqueTable& techniques = step.techniques;
    const NetworkState& state = step.state[network];
    const bool has_sample = index < state.num_rows(step.micro_batch, step.epoch_size);
    const bool shuffle = techniques.get(Technique::kShuffle, network) > 0.5f;
    const int64_t sample =
        has_sample ? args.first + noise::sample_index(state.seed, state.epoch, shuffle, step.definitions.shuffle_window,
                                                      step.epoch_size, state.position + index)
                   : 0;
    const int64_t item = state.item + index;
    const noise::Mixing mixing = has_sample ? mixing_of(network, state.seed, item) : noise::Mixing{};
    const int64_t partner = args.first + mixing.partner;
    all.leader([&] {
      const int64_t place = network * step.micro_batch + index;
      args.targets[place] = has_sample ? label_of(network, state.seed, sample, item) : -1;
      if (args.target_shares == nullptr) return;  // evaluation
      args.target_shares[place] = mixing.target_share;
      if (mixing.is_on()) args.second_targets[place] = lasting_label(network, state.seed, partner);
    });
    const noise::GeometryRanges ranges(techniques, network);
    const float contrast = has_sample ? techniques.get(Technique::kContrast, network) : 0.0f;
    Row row;
    row.pixels = args.images + sample * args.sample_size();
    row.output = args.output[network] + 4 * index * num_quads(args.sample_size());
    row.seed = state.seed;
    row.item = item;
    row.scale = has_sample ? T{1} / T{255} : T{0};
    row.noise = has_sample ? techniques.get(Technique::kInputNoise, network) : 0.0f;
    row.mask = args.mask_input ? techniques.get(Technique::kDropconnect, network) : 0.0f;
    row.contrast = contrast > 0 ? noise::contrast_factor(
                                      contrast, state.seed,
                                      step.definitions.contrast_per == ContrastPer::kBatch ? state.update : item)
                                : 1.0f;
    row.resampled = has_sample && ranges.any();
    if (row.resampled) row.map = noise::random_map(ranges, args.size, state.seed, item);
    row.has_sample = has_sample;
    row.mixing = mixing;
    row.others = args.images + partner * args.sample_size();
    row.crop = {};
    row.zeros[0] = row.zeros[1] = {};
    if (!has_sample) return row;
    if (const float padding = techniques.get(Technique::kRandomCrop, network); padding > 0) {
      row.crop = noise::crop_offset(static_cast<int32_t>(padding), state.seed, item);
    }
    if (const float side = techniques.get(Technique::kCutout, network); side > 0) {
      row.zeros[0] = noise::cutout_box(static_cast<int32_t>(side), args.size, state.seed, item);
    }
    if (const float p = techniques.get(Technique::kRandomErasing, network); p > 0) {
      row.zeros[1] = noise::erased_box(p, args.size, state.seed, item);
    }
    return row;
  }

  /// Where both are on, each sample is mixed in one of the two ways, drawn for it.
  MURMUR_HD noise::Mixing mixing_of(int64_t network, uint64_t seed, int64_t item) const {
    const float mixup = args.step.techniques.get(Technique::kMixup, network);
    const float cutmix = args.step.techniques.get(Technique::kCutmix, network);
    if (mixup > 0 && (cutmix <= 0 || noise::prefers_mixup(seed, item))) {
      return noise::mixup(mixup, args.step.epoch_size, seed, item);
    }
    return cutmix > 0 ? noise::cutmix(cutmix, args.size, args.step.epoch_size, seed, item) : noise::Mixing{};
  }

  MURMUR_HD int32_t lasting_label(int64_t network, uint64_t seed, int64_t sample) const {
    const int32_t label = args.labels[sample];
    const float share = args.step.techniques.get(Technique::kLabelNoise, network);
    return share > 0 ? noise::noisy_label(label, share, args.num_classes, seed, sample) : label;
  }

  MURMUR_HD int32_t label_of(int64_t network, uint64_t seed, int64_t sample, int64_t item) const {
    const int32_t label = lasting_label(network, seed, sample);
    const float p = args.step.techniques.get(Technique::kDisturbLabel, network);
    return p > 0 ? noise::disturbed_label(label, p, args.num_classes, seed, item) : label;
  }

  /// Pixels in [0, 1], of an image that is cropped and resampled as the row is.
  template <class Target>
  MURMUR_KERNEL void load(const Lanes<kWidth>& lanes, const Row& row, const Image& image, const uint8_t* memory,
                          int64_t first, Target& x) const {
    const T scale = row.scale;
    if (row.is_cropped()) {
      load_crop(lanes, row, image, memory, first, x);
    } else if (row.resampled) {
      const noise::AffineMap map = row.map;
      const noise::Grid places = grid;
      const auto start = static_cast<int32_t>(first);
      lanes.elements([&](int e) { x[e] = static_cast<T>(noise::resample(image, places, map, start + e)) * scale; });
    } else {
      Elements<const uint8_t> pixels(memory + first);
      pixels.load(lanes);
      lanes.elements([&](int e) { x[e] = static_cast<T>(pixels[e]) * scale; });
    }
  }

  /// The pixel and the channel of an element.
  struct Place {
    int32_t x, y, channel;
  };
  MURMUR_HD static Place place_of(const noise::Grid& grid, int32_t element) {
    const int32_t pixel = quotient(element, grid.per_channel);
    const int32_t y = quotient(pixel, grid.per_width);
    return {pixel - y * grid.width, y, element - pixel * grid.channels};
  }

  template <class Target>
  MURMUR_KERNEL void load_crop(const Lanes<kWidth>& lanes, const Row& row, const Image& image, const uint8_t* memory,
                               int64_t first, Target& x) const {
    const T scale = row.scale;
    const noise::AffineMap map = row.map;
    const noise::Grid places = grid;
    const noise::Offset crop = row.crop;
    const auto start = static_cast<int32_t>(first);
    const auto height = static_cast<int32_t>(args.size.height);
    const auto source = [=](int e) {
      const Place place = place_of(places, start + e);
      const int32_t column = place.x + crop.x;
      const int32_t line = place.y + crop.y;
      const bool inside = column >= 0 && column < places.width && line >= 0 && line < height;
      return inside ? (line * places.width + column) * places.channels + place.channel : -1;
    };
    if (row.resampled) {
      lanes.elements([&](int e) {
        const int32_t element = source(e);
        const float value = noise::resample(image, places, map, element < 0 ? 0 : element);
        x[e] = element < 0 ? T{0} : static_cast<T>(value) * scale;
      });
    } else {
      lanes.elements([&](int e) {
        const int32_t element = source(e);
        x[e] = element < 0 ? T{0} : static_cast<T>(memory[element < 0 ? 0 : element]) * scale;
      });
    }
  }

  /// Mixes the row in memory with the other sample.
  MURMUR_KERNEL void mix(const Lanes<kWidth>& all, const Row& row) const {
    const int64_t size = args.sample_size();
    const Image image = image_of(all, row, row.others);
    const noise::Grid places = grid;
    const noise::Box box = row.mixing.box;
    const T share = static_cast<T>(row.mixing.share);
    PerElement<T, kWidth> other;
    for (int64_t first = 0; first < size; first += 4 * kWidth) {
      const Lanes<kWidth> lanes = all.first_elements(size - first);
      const auto start = static_cast<int32_t>(first);
      Elements<T> x(row.output + first);
      x.load(lanes);
      load(lanes, row, image, row.others, first, other);
      lanes.elements([&](int e) {
        const Place place = place_of(places, start + e);
        x[e] = box.holds(place.x, place.y) ? other[e] : share * x[e] + (T{1} - share) * other[e];
      });
      x.store(lanes);
    }
  }

  /// Cutout and random erasing.
  MURMUR_KERNEL void clear_boxes(const Lanes<kWidth>& lanes, const Row& row, int64_t first, Elements<T>& x) const {
    const noise::Grid places = grid;
    const auto start = static_cast<int32_t>(first);
    for (const noise::Box& zeros : row.zeros) {
      if (zeros.is_empty()) continue;
      const noise::Box box = zeros;
      lanes.elements([&](int e) {
        const Place place = place_of(places, start + e);
        x[e] = box.holds(place.x, place.y) ? T{0} : x[e];
      });
    }
  }

  /// Contrast, on the row in memory.
  MURMUR_KERNEL void stretch(const Lanes<kWidth>& all, const Row& row) const {
    const int64_t channels = args.size.channels;
    const int64_t pixels = args.size.height * args.size.width;
    const T factor = static_cast<T>(row.contrast);
    all.sync();
    for (int64_t channel = 0; channel < channels; ++channel) {
      T* plane = row.output + channel;
      PerLane<T, kWidth> value;
      T sum = 0;
      for (int64_t first = 0; first < pixels; first += kWidth) {
        const Lanes<kWidth> lanes = all.first(pixels - first);
        lanes.each([&](int i) { value[i] = plane[(first + i) * channels]; });
        sum += lanes.sum(value);
      }
      const T mean = sum / static_cast<T>(pixels);
      for (int64_t first = 0; first < pixels; first += kWidth) {
        all.first(pixels - first).each([&](int i) {
          T& pixel = plane[(first + i) * channels];
          pixel = noise::contrast(pixel, mean, factor);
        });
      }
    }
    all.sync();
  }

  /// Noise on the elements and the first layer's input mask.
  MURMUR_KERNEL void add_noise(const Lanes<kWidth>& lanes, const Row& row, int64_t network, int64_t first,
                               Elements<T>& x) const {
    const auto magnitude = [&](Technique id) { return row.has_sample ? args.step.techniques.get(id, network) : 0.0f; };
    const uint64_t seed = row.seed;
    const uint64_t position = static_cast<uint64_t>(row.item * num_quads(args.sample_size()) + first);
    const auto words = [=](Technique id, int i) {
      return philox(position + static_cast<uint64_t>(i), make_site(id, 0), 0, seed);
    };
    PerElement<float, kWidth> n;
    PerElement<uint32_t, kWidth> word;
    if (const float s = magnitude(Technique::kMultiplicativeInputNoise); s > 0) {
      const T sigma = static_cast<T>(s);
      lanes.fill(n, [&](int i) { return Normals()(words(Technique::kMultiplicativeInputNoise, i)); });
      lanes.elements([&](int e) { x[e] = noise::multiplicative_input_noise(x[e], sigma, n[e]); });
    }
    if (const float p = magnitude(Technique::kSaltAndPepper); p > 0) {
      lanes.fill(word, [&](int i) { return words(Technique::kSaltAndPepper, i); });
      lanes.elements([&](int e) { x[e] = noise::salt_and_pepper(x[e], p, word[e]); });
    }
    if (const float w = magnitude(Technique::kUniformInputNoise); w > 0) {
      const T width = static_cast<T>(w);
      lanes.fill(word, [&](int i) { return words(Technique::kUniformInputNoise, i); });
      lanes.elements([&](int e) { x[e] = noise::uniform_input_noise(x[e], width, word[e]); });
    }
    if (row.noise > 0) {
      const T sigma = static_cast<T>(row.noise);
      lanes.fill(n, [&](int i) { return Normals()(words(Technique::kInputNoise, i)); });
      lanes.elements([&](int e) { x[e] = noise::input_noise(x[e], sigma, n[e]); });
    }
    if (row.mask > 0) {
      const float probability = row.mask;
      lanes.fill(word, [&](int i) { return words(Technique::kDropconnect, i); });
      lanes.elements([&](int e) { x[e] = noise::input_mask(x[e], probability, word[e]); });
    }
  }
};

}  // namespace

template <class T>
void input_forward(murmur::Stream& stream, const InputArgs<T>& args) {
  launch_with_normals<InputForward, T>(stream, "input_forward", args.step, args.step.micro_batch, args,
                                       noise::Grid(args.size));
}

MURMUR_INSTANTIATE_KERNEL(input_forward, InputArgs)

}  // namespace murmur::MURMUR_TARGET
