// Kernel 1: the input. One tile is one row of the micro-batch; its lanes walk over the quads of the sample.
#include "engine/random/distributions.hpp"
#include "kernels/kernels.hpp"
#include "kernels/noise/activation.hpp"
#include "kernels/noise/input.hpp"
#include "kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct InputForward {
  static constexpr int kWidth = 256;
  InputArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t row) const {
    const NetworkState& state = args.step.state[network];
    const bool has_sample = row < state.num_rows(args.step.micro_batch, args.step.epoch_size);
    const int64_t quads = num_quads(args.sample_size);
    T* output = args.output + network * args.output_stride + row * 4 * quads;
    const noise::SampleOrder order(state, args.step.techniques, network, args.step.epoch_size);
    const int64_t sample = has_sample ? args.first + order(state.position + row) : 0;
    all.leader([&] { args.targets[network * args.step.micro_batch + row] = has_sample ? args.labels[sample] : -1; });

    const uint8_t* pixels = args.images + sample * args.sample_size;
    const float sigma = args.step.techniques.get(Technique::kInputNoise, network);
    const float mask = args.mask_input ? args.step.techniques.get(Technique::kDropconnect, network) : 0.0f;
    const uint64_t item_position = static_cast<uint64_t>((state.item + row) * quads);
    const uint64_t seed = state.seed;
    const T weight = has_sample ? T{1} / T{255} : T{0};
    PerLaneQuad<T, kWidth> x;
    for (int64_t first = 0; first < quads; first += kWidth) {
      const Lanes<kWidth> lanes = all.first(quads - first);
      const uint64_t position = item_position + static_cast<uint64_t>(first);
      load(lanes, pixels, first, weight, x);
      if (sigma > 0 && has_sample) {
        lanes.compute([&](int i) {
          const Quad<float> n =
              normal(philox(position + static_cast<uint64_t>(i), make_site(Technique::kInputNoise, 0), 0, seed));
          x.set(i, noise::input_noise(x.get(i), static_cast<T>(sigma), n));
        });
      }
      if (mask > 0) {
        lanes.compute([&](int i) {
          const Quad<uint32_t> words =
              philox(position + static_cast<uint64_t>(i), make_site(Technique::kDropconnect, 0), 0, seed);
          x.set(i, noise::input_mask(x.get(i), mask, words));
        });
      }
      Quad<T>* target = as_quads(output) + first;
      lanes.each([&](int i) { target[i] = x.get(i); });
    }
  }

  /// Pixels times weight. The last quad of a sample may be partial: its padding becomes 0.
  MURMUR_KERNEL void load(const Lanes<kWidth>& lanes, const uint8_t* pixels, int64_t first, T weight,
                          PerLaneQuad<T, kWidth>& x) const {
    const int64_t whole = args.sample_size / 4;
    lanes.first(whole - first).each([&](int i) {
      const uint8_t* p = pixels + 4 * (first + i);
      x.set(i, {static_cast<T>(p[0]) * weight, static_cast<T>(p[1]) * weight, static_cast<T>(p[2]) * weight,
                static_cast<T>(p[3]) * weight});
    });
    if (4 * whole < args.sample_size) {
      lanes.each([&](int i) {
        if (first + i != whole) return;
        const auto pixel = [&](int64_t element) {
          return element < args.sample_size ? static_cast<T>(pixels[element]) * weight : T{0};
        };
        x.set(i, {pixel(4 * whole), pixel(4 * whole + 1), pixel(4 * whole + 2), pixel(4 * whole + 3)});
      });
    }
  }
};

template <class T>
void run(murmur::Stream& stream, const InputArgs<T>& args) {
  launch(stream, "input_forward", args.step.num_networks, args.step.micro_batch, InputForward<T>{args});
}

}  // namespace

void input_forward(murmur::Stream& stream, const InputArgs<float>& args) {
  run(stream, args);
}

void input_forward(murmur::Stream& stream, const InputArgs<double>& args) {
  run(stream, args);
}

}  // namespace murmur::MURMUR_TARGET
