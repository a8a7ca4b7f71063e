#pragma once

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/input.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/techniques/noise/geometry.hpp"
#include "murmur/techniques/noise/input.hpp"
#include "murmur/techniques/noise/regions.hpp"

// What the two kernels of the input share: a row of the micro-batch, and contrast.
namespace murmur::MURMUR_TARGET {

inline constexpr int kInputLanes = 256;
using InputLanes = Lanes<kInputLanes>;

/// One row: where its pixels come from and which noise is on.
template <class T>
struct InputRow {
  const uint8_t* pixels;
  T* output;
  uint64_t seed;
  int64_t item;
  T scale;           // 1/255, or 0 for a row without a sample
  float contrast;    // the factor, 1 for off
  bool has_regions;  // crops, boxes, mixing
  bool resampled;
  noise::AffineMap map;

  MURMUR_HD bool has_sample() const { return scale > T{0}; }
};

template <class T>
MURMUR_HD bool have_regions(const InputArgs<T>& args, int64_t network) {
  const TechniqueTable& techniques = args.step.techniques;
  return args.has_regions &&
         (techniques.get(Technique::kRandomCrop, network) > 0 || techniques.get(Technique::kCutout, network) > 0 ||
          techniques.get(Technique::kRandomErasing, network) > 0 || techniques.get(Technique::kMixup, network) > 0 ||
          techniques.get(Technique::kCutmix, network) > 0);
}

/// The sample of a row of the micro-batch that has one.
template <class T>
MURMUR_HD int64_t sample_of(const InputArgs<T>& args, int64_t network, int64_t index) {
  const StepArgs& step = args.step;
  const NetworkState& state = step.state[network];
  const bool shuffle = step.techniques.get(Technique::kShuffle, network) > 0.5f;
  return args.first + noise::sample_index(state.seed, state.epoch, shuffle, step.definitions.shuffle_window,
                                          step.epoch_size, state.position + index);
}

template <class T>
MURMUR_HD InputRow<T> describe_row(const InputArgs<T>& args, int64_t network, int64_t index) {
  const StepArgs& step = args.step;
  const TechniqueTable& techniques = step.techniques;
  const NetworkState& state = step.state[network];
  const bool has_sample = index < state.num_rows(step.micro_batch, step.epoch_size);
  const int64_t sample = has_sample ? sample_of(args, network, index) : 0;
  const int64_t item = state.item + index;
  const noise::GeometryRanges ranges(techniques, network);
  const float contrast = has_sample ? techniques.get(Technique::kContrast, network) : 0.0f;
  InputRow<T> row;
  row.pixels = args.images + sample * args.sample_size();
  row.output = args.output[network] + 4 * index * num_quads(args.sample_size());
  row.seed = state.seed;
  row.item = item;
  row.scale = has_sample ? T{1} / T{255} : T{0};
  row.contrast =
      contrast > 0 ? noise::contrast_factor(contrast, state.seed,
                                            step.definitions.contrast_per == ContrastPer::kBatch ? state.update : item)
                   : 1.0f;
  row.resampled = has_sample && ranges.any();
  if (row.resampled) row.map = noise::random_map(ranges, args.size, state.seed, item);
  row.has_regions = has_sample && have_regions(args, network);
  return row;
}

/// A sample's label in all epochs, with label noise.
template <class T>
MURMUR_HD int32_t lasting_label(const InputArgs<T>& args, int64_t network, uint64_t seed, int64_t sample) {
  const int32_t label = args.labels[sample];
  const float share = args.step.techniques.get(Technique::kLabelNoise, network);
  return share > 0 ? noise::noisy_label(label, share, args.num_classes, seed, sample) : label;
}

/// Contrast, on the row in memory.
template <class T>
MURMUR_KERNEL void stretch(const InputLanes& all, const InputArgs<T>& args, const InputRow<T>& row) {
  const int64_t channels = args.size.channels;
  const int64_t pixels = args.size.height * args.size.width;
  const T factor = static_cast<T>(row.contrast);
  all.sync();
  for (int64_t channel = 0; channel < channels; ++channel) {
    T* plane = row.output + channel;
    PerLane<T, kInputLanes> value;
    T sum = 0;
    for (int64_t first = 0; first < pixels; first += kInputLanes) {
      const InputLanes lanes = all.first(pixels - first);
      lanes.each([&](int i) { value[i] = plane[(first + i) * channels]; });
      sum += lanes.sum(value);
    }
    const T mean = sum / static_cast<T>(pixels);
    for (int64_t first = 0; first < pixels; first += kInputLanes) {
      all.first(pixels - first).each([&](int i) {
        T& pixel = plane[(first + i) * channels];
        pixel = noise::contrast(pixel, mean, factor);
      });
    }
  }
  all.sync();
}

}  // namespace murmur::MURMUR_TARGET
