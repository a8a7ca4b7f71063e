// Kernel 1: the input. One tile is one row of the micro-batch; its lanes walk over the quads of the sample.
#include "murmur/kernels/input_rows.hpp"
#include "murmur/kernels/parallel_normals.hpp"
#include "murmur/techniques/noise/activation.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T, class Normals>
struct InputForward {
  static constexpr int kWidth = kInputLanes;
  InputArgs<T> args;
  noise::Grid grid;
  using Row = InputRow<T>;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t row_index) const {
    const Row row = all.once([&] { return describe_row(args, network, row_index); });
    all.leader([&] { args.targets[network * args.step.micro_batch + row_index] = target_of(network, row, row_index); });
    const int64_t size = args.sample_size();
    const Image image(all, row.pixels, row.resampled ? size : 0, args.size.channels,
                      args.size.width * args.size.channels);
    // Contrast needs the mean of each channel before its first pixel: a second walk, through the row's place in memory.
    // Where regions have been placed, the row is there already.
    const int num_walks = row.has_regions || row.contrast != 1.0f ? 2 : 1;
    for (int walk = row.has_regions ? 1 : 0; walk < num_walks; ++walk) {
      for (int64_t first = 0; first < size; first += 4 * kWidth) {
        const Lanes<kWidth> lanes = all.first_elements(size - first);
        Elements<T> x(row.output + first);
        if (walk == 0) {
          load(lanes, row, image, first, x);
        } else {
          x.load(lanes);
        }
        if (walk + 1 == num_walks) add_noise(lanes, row, network, first / 4, x);
        x.store(lanes);
      }
      if (walk + 1 < num_walks) stretch(all, args, row);
    }
  }

  /// The label that the loss gets, -1 for none.
  MURMUR_HD int32_t target_of(int64_t network, const Row& row, int64_t index) const {
    if (!row.has_sample()) return -1;
    const int32_t label = lasting_label(args, network, row.seed, sample_of(args, network, index));
    const float p = args.step.techniques.get(Technique::kDisturbLabel, network);
    return p > 0 ? noise::disturbed_label(label, p, args.num_classes, row.seed, row.item) : label;
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

  /// Noise on the elements and the first layer's input mask.
  MURMUR_KERNEL void add_noise(const Lanes<kWidth>& lanes, const Row& row, int64_t network, int64_t first,
                               Elements<T>& x) const {
    const auto magnitude = [&](Technique id) {
      return row.has_sample() ? args.step.techniques.get(id, network) : 0.0f;
    };
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
    if (const float s = magnitude(Technique::kInputNoise); s > 0) {
      const T sigma = static_cast<T>(s);
      lanes.fill(n, [&](int i) { return Normals()(words(Technique::kInputNoise, i)); });
      lanes.elements([&](int e) { x[e] = noise::input_noise(x[e], sigma, n[e]); });
    }
    if (const float probability = args.mask_input ? args.step.techniques.get(Technique::kDropconnect, network) : 0.0f;
        probability > 0) {
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
