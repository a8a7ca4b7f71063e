// Kernel 2 for a convolution, first half: bias, noise, ReLU, and the sums that a batch norm after it needs. One tile is
// a few samples of the micro-batch.
#include "kernels/images.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct BiasReluForward {
  static constexpr int kWidth = kImageLanes;
  BiasReluArgs<T> args;
  int64_t tiles;

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const NetworkState& state = args.step.state[network];
    const ImageWalk walk(args.size, args.step, state, args.rows_per_tile, tile);
    const ImageLanes channels = all.first(walk.stride);
    const T sigma = args.relu ? static_cast<T>(args.step.techniques.get(Technique::kActivationNoise, network)) : T{0};
    const ImageMasks masks(args, network);
    ImageQuads<T> bias;
    ImageQuads<T> value;
    TileSums<T> sums;
    load_channels(channels, args.bias + network * args.bias_stride, args.size.channels, bias);
    sums.clear(all);
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      Quad<T>* x = as_quads(args.x + network * args.stride) + row * walk.quads;
      if (row >= walk.num_rows) {
        clear_row(all, walk.quads, x);
        continue;
      }
      for (int64_t first = 0; first < walk.quads; first += walk.stride) {
        const ImageLanes lanes = all.first(walk.count(first));
        const ImageWords words = words_of(args, state, row, walk.quads, first);
        lanes.each([&](int i) { value.set(i, plus(x[first + i], bias.get(i))); });
        if (sigma > 0) {
          lanes.compute([&](int i) {
            const Quad<float> n = normal(words(Technique::kActivationNoise, i));
            value.set(i, noise::activation_noise(value.get(i), sigma, n));
          });
        }
        if (args.relu) lanes.compute([&](int i) { value.set(i, noise::relu(value.get(i))); });
        clear_padding(lanes, first, walk.size, value);
        if (args.sums != nullptr) {
          lanes.each([&](int i) {
            sums.first.set(i, plus(sums.first.get(i), value.get(i)));
            sums.second.set(i, plus(sums.second.get(i), times(value.get(i), value.get(i))));
          });
        }
        masks.apply(lanes, value, words);
        lanes.each([&](int i) { x[first + i] = value.get(i); });
      }
    }
    if (args.sums != nullptr) sums.store(channels, args.sums, network * tiles + tile);
  }
};

template <class T>
struct BiasReluBackward {
  static constexpr int kWidth = kImageLanes;
  BiasReluBackwardArgs<T> args;
  int64_t tiles;

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const BiasReluArgs<T>& forward = args.forward;
    const NetworkState& state = forward.step.state[network];
    const ImageWalk walk(forward.size, forward.step, state, forward.rows_per_tile, tile);
    const ImageLanes channels = all.first(walk.stride);
    const ImageMasks masks(forward, network);
    ImageQuads<T> a;
    ImageQuads<T> b;
    ImageQuads<T> c;
    ImageQuads<T> value;
    TileSums<T> sums;
    sums.clear(all);
    const bool norm = args.coefficients != nullptr;
    if (norm) {
      const int64_t width = 4 * num_quads(forward.size.channels);
      const T* coefficients = args.coefficients + network * 3 * width;
      load_channels(channels, coefficients, forward.size.channels, a);
      load_channels(channels, coefficients + width, forward.size.channels, b);
      load_channels(channels, coefficients + 2 * width, forward.size.channels, c);
    }
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      const Quad<T>* x = as_quads(forward.x + network * forward.stride) + row * walk.quads;
      Quad<T>* grad = as_quads(args.grad + network * forward.stride) + row * walk.quads;
      if (row >= walk.num_rows) {
        clear_row(all, walk.quads, grad);
        continue;
      }
      for (int64_t first = 0; first < walk.quads; first += walk.stride) {
        const ImageLanes lanes = all.first(walk.count(first));
        lanes.each([&](int i) { value.set(i, grad[first + i]); });
        masks.apply(lanes, value, words_of(forward, state, row, walk.quads, first));
        if (norm) {
          lanes.each([&](int i) {
            value.set(i, plus(plus(times(a.get(i), value.get(i)), times(b.get(i), x[first + i])), c.get(i)));
          });
        }
        if (forward.relu) {
          // An output of 0 was cut off by the ReLU or by a mask; a NaN must pass.
          lanes.each([&](int i) {
            value.set(i, map(value.get(i), x[first + i], [](T g, T out) { return out == T{0} ? T{0} : g; }));
          });
        }
        clear_padding(lanes, first, walk.size, value);
        lanes.each([&](int i) {
          sums.first.set(i, plus(sums.first.get(i), value.get(i)));
          grad[first + i] = value.get(i);
        });
      }
    }
    sums.store(channels, args.sums, network * tiles + tile);
  }
};

template <class T>
void run(murmur::Stream& stream, const BiasReluArgs<T>& args) {
  const int64_t tiles = image_tiles(args.step.micro_batch, args.rows_per_tile);
  launch(stream, "bias_relu_forward", args.step.num_networks, tiles, BiasReluForward<T>{args, tiles});
}

template <class T>
void run(murmur::Stream& stream, const BiasReluBackwardArgs<T>& args) {
  const StepArgs& step = args.forward.step;
  const int64_t tiles = image_tiles(step.micro_batch, args.forward.rows_per_tile);
  launch(stream, "bias_relu_backward", step.num_networks, tiles, BiasReluBackward<T>{args, tiles});
}

}  // namespace

MURMUR_DEFINE_KERNEL(bias_relu_forward, BiasReluArgs)
MURMUR_DEFINE_KERNEL(bias_relu_backward, BiasReluBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
