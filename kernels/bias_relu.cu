// Kernel 2 for a convolution, first half: bias, noise, ReLU, and the sums that a batch norm after it needs. One tile is
// a few samples of the micro-batch.
#include "murmur/kernels/bias_relu.hpp"

#include "murmur/kernels/images.hpp"
#include "murmur/kernels/parallel_normals.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T, class Normals>
struct BiasReluForward {
  static constexpr int kWidth = kImageLanes;
  static constexpr int kResidentThreads = sizeof(T) == 4 ? 768 : kWidth;
  BiasReluArgs<T> args;
  int64_t tiles;  // of a network

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const NetworkState& state = args.step.state[network];
    const ImageWalk walk(args.step, args.images, state, tile);
    const T sigma = static_cast<T>(args.step.techniques.get(Technique::kActivationNoise, network));
    const NegativeSlope<T> slope(args.step, network);
    const ImageMasks masks(args, network);
    PerImageElement<T> bias;
    TileSums<T> sums;
    load_channels(all, args.bias[network], walk.part, bias);
    sums.clear(all);
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      T* sample = args.x[network] + walk.offset(row);
      if (row >= walk.num_rows) {
        clear_row(all, walk.size, sample);
        continue;
      }
      for (int64_t first = 0; first < walk.size; first += walk.stride) {
        const ImageLanes lanes = all.first_elements(walk.count(first));
        const ImageWords words = words_of(args, state, walk, row, first);
        Elements<T> x(sample + first);
        x.load(lanes);
        lanes.elements([&](int e) { x[e] += bias[e]; });
        if (args.relu) noise_relu<Normals>(lanes, x, sigma, slope, words);
        if (args.sums != nullptr) {
          lanes.each_element([&](int e) {
            sums.first[e] += x[e];
            sums.second[e] += x[e] * x[e];
          });
        }
        masks.apply(lanes, x, words);
        x.store(lanes);
      }
    }
    if (args.sums != nullptr) sums.store(all, walk, args.sums, network * tiles + tile);
  }
};

template <class T>
struct BiasReluBackward {
  static constexpr int kWidth = kImageLanes;
  BiasReluBackwardArgs<T> args;
  int64_t tiles;  // of a network

  MURMUR_KERNEL void operator()(const ImageLanes& all, int64_t network, int64_t tile) const {
    const BiasReluArgs<T>& forward = args.forward;
    const NetworkState& state = forward.step.state[network];
    const ImageWalk walk(forward.step, forward.images, state, tile);
    const float rrelu = forward.step.techniques.get(Technique::kRrelu, network);
    const ImageMasks masks(forward, network);
    PerImageElement<T> a;
    PerImageElement<T> b;
    PerImageElement<T> c;
    TileSums<T> sums;
    sums.clear(all);
    const bool norm = args.coefficients != nullptr;
    if (norm) {
      const int64_t width = 4 * num_quads(forward.images.size.channels);
      const T* coefficients = args.coefficients + network * 3 * width;
      load_channels(all, coefficients, walk.part, a);
      load_channels(all, coefficients + width, walk.part, b);
      load_channels(all, coefficients + 2 * width, walk.part, c);
    }
    for (int64_t row = walk.first_row; row < walk.last_row; ++row) {
      const int64_t offset = network * forward.x.stride + walk.offset(row);
      if (row >= walk.num_rows) {
        clear_row(all, walk.size, args.grad + offset);
        continue;
      }
      for (int64_t first = 0; first < walk.size; first += walk.stride) {
        const ImageLanes lanes = all.first_elements(walk.count(first));
        Elements<const T> x(forward.x.data + offset + first);
        Elements<T> grad(args.grad + offset + first);
        x.load(lanes);
        grad.load(lanes);
        const ImageWords words = words_of(forward, state, walk, row, first);
        masks.apply(lanes, grad, words);
        if (norm) lanes.elements([&](int e) { grad[e] = a[e] * grad[e] + b[e] * x[e] + c[e]; });
        if (forward.relu) relu_gradient(lanes, grad, x, rrelu, words);
        lanes.each_element([&](int e) { sums.first[e] += grad[e]; });
        grad.store(lanes);
      }
    }
    sums.store_first(all, walk, args.sums, network * tiles + tile);
  }
};

}  // namespace

template <class T>
void bias_relu_forward(murmur::Stream& stream, const BiasReluArgs<T>& args) {
  const int64_t tiles = args.images.count(args.step.micro_batch);
  launch_with_normals<BiasReluForward, T>(stream, "bias_relu_forward", args.step, tiles, args, tiles);
}

MURMUR_INSTANTIATE_KERNEL(bias_relu_forward, BiasReluArgs)

template <class T>
void bias_relu_backward(murmur::Stream& stream, const BiasReluBackwardArgs<T>& args) {
  const BiasReluArgs<T>& forward = args.forward;
  const int64_t tiles = forward.images.count(forward.step.micro_batch);
  launch(stream, "bias_relu_backward", forward.step.num_networks, tiles, BiasReluBackward<T>{args, tiles});
}

MURMUR_INSTANTIATE_KERNEL(bias_relu_backward, BiasReluBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
