// Kernel 1: the input. One tile is one row of the micro-batch; its lanes walk over the quads of the sample.
#include "murmur/kernels/input.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/kernels/parallel_normals.hpp"
#include "murmur/techniques/noise/activation.hpp"
#include "murmur/techniques/noise/geometry.hpp"
#include "murmur/techniques/noise/input.hpp"

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
    bool resampled;
    noise::AffineMap map;
  };

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t row_index) const {
    const Row row = all.once([&] { return describe(all, network, row_index); });
    const int64_t size = args.sample_size();
    const Image image(all, row.pixels, row.resampled ? size : 0, args.size.channels,
                      args.size.width * args.size.channels);
    // Contrast needs the mean of each channel before its first pixel: a second walk, through the row's place in memory.
    const int num_walks = row.contrast != 1.0f ? 2 : 1;
    for (int walk = 0; walk < num_walks; ++walk) {
      for (int64_t first = 0; first < size; first += 4 * kWidth) {
        const Lanes<kWidth> lanes = all.first_elements(size - first);
        Elements<T> x(row.output + first);
        if (walk == 0) {
          load(lanes, row, image, first, x);
        } else {
          x.load(lanes);
        }
        if (walk + 1 == num_walks) add_noise(lanes, row, first / 4, x);
        x.store(lanes);
      }
      if (walk + 1 < num_walks) stretch(all, row);
    }
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
    all.leader([&] { args.targets[network * step.micro_batch + index] = has_sample ? args.labels[sample] : -1; });
    const noise::GeometryRanges ranges(techniques, network);
    const float contrast = has_sample ? techniques.get(Technique::kContrast, network) : 0.0f;
    const int64_t item = state.item + index;
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
    return row;
  }

  /// Pixels in [0, 1].
  MURMUR_KERNEL void load(const Lanes<kWidth>& lanes, const Row& row, const Image& image, int64_t first,
                          Elements<T>& x) const {
    const T scale = row.scale;
    if (row.resampled) {
      const noise::AffineMap map = row.map;
      const noise::Grid places = grid;
      const auto start = static_cast<int32_t>(first);
      lanes.elements([&](int e) { x[e] = static_cast<T>(noise::resample(image, places, map, start + e)) * scale; });
    } else {
      Elements<const uint8_t> pixels(row.pixels + first);
      pixels.load(lanes);
      lanes.elements([&](int e) { x[e] = static_cast<T>(pixels[e]) * scale; });
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

  /// Input noise and the first layer's input mask.
  MURMUR_KERNEL void add_noise(const Lanes<kWidth>& lanes, const Row& row, int64_t first, Elements<T>& x) const {
    const uint64_t seed = row.seed;
    const uint64_t position = static_cast<uint64_t>(row.item * num_quads(args.sample_size()) + first);
    const auto words = [=](Technique id, int i) {
      return philox(position + static_cast<uint64_t>(i), make_site(id, 0), 0, seed);
    };
    if (row.noise > 0) {
      const T sigma = static_cast<T>(row.noise);
      PerElement<float, kWidth> n;
      lanes.fill(n, [&](int i) { return Normals()(words(Technique::kInputNoise, i)); });
      lanes.elements([&](int e) { x[e] = noise::input_noise(x[e], sigma, n[e]); });
    }
    if (row.mask > 0) {
      const float probability = row.mask;
      PerElement<uint32_t, kWidth> word;
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
