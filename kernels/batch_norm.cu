// The small kernels around a batch norm: from the partial sums of a tile's lanes to the statistics, coefficients and
// parameter gradients of each channel. One tile is a channel, whose partial sums its lanes add up. Sums are finished in
// double: E[x^2] - E[x]^2 cancels.
#include "murmur/kernels/batch_norm.hpp"

#include "murmur/kernels/images.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr int kLanes = 128;
constexpr double kMomentum = 0.99;  // Keras's
constexpr double kEpsilon = 1e-3;

/// The partial sums [P, tiles, 2, num_sums] of images; `memory` may be null.
template <class T>
struct PartialSums {
  ImageTiles images;
  int64_t tiles;
  const T* memory;

  /// The sum of a channel over all tiles that have it, in a fixed order; `which` is 0 or 1. A tile has less than
  /// 4 kImageLanes elements of a channel: the lanes take as many tiles at once as they have room for.
  MURMUR_KERNEL double of_channel(const Lanes<kLanes>& all, int64_t network, int which, int64_t channel) const {
    const int64_t blocks = num_blocks(images.size, images.layout);
    const int64_t channels = images.size.channels / blocks;
    const int64_t of_tile = images.sums_of_channel();
    const int64_t at_once = of_tile < kLanes ? kLanes / of_tile : 1;
    const int64_t stride = blocks * 2 * images.num_sums();  // from a tile to the next one with this channel
    const int64_t count = tiles / blocks;
    const T* const first =
        memory + ((network * tiles + channel / channels) * 2 + which) * images.num_sums() + channel % channels;
    PerLane<double, kLanes> total;
    PerLane<int64_t, kLanes> place;
    all.compute([&](int i) {
      const int32_t tile = quotient(i, static_cast<int32_t>(of_tile));
      total[i] = 0;
      place[i] = tile * stride + (i - tile * of_tile) * channels;
    });
    for (int64_t tile = 0; tile < count; tile += at_once) {
      const int64_t here = (count - tile < at_once ? count - tile : at_once) * of_tile;
      const T* const part = first + tile * stride;
      for (int64_t k = 0; k < here; k += kLanes) {
        all.first(here - k).each([&](int i) { total[i] += static_cast<double>(part[k * channels + place[i]]); });
      }
    }
    return all.sum(total);
  }
};

template <class T>
PartialSums<T> partial_sums(const StepArgs& step, const ImageTiles& images, const T* memory) {
  return {images, images.count(step.micro_batch), memory};
}

template <class T>
struct BatchStatistics {
  static constexpr int kWidth = kLanes;
  BatchStatisticsArgs<T> args;
  PartialSums<T> sums;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t c) const {
    const NetworkState& state = args.step.state[network];
    const int64_t channels = args.images.size.channels;
    const int64_t width = 4 * num_quads(channels);
    const int64_t rows = state.num_rows(args.step.micro_batch, args.step.epoch_size);
    const double count = static_cast<double>(rows * args.images.size.height * args.images.size.width);
    if (rows == 0) return;
    const bool moves = sums.memory != nullptr && state.status == NetworkStatus::kRunning;
    T* running = args.running + network * 2 * width;
    T* saved = args.saved + network * 2 * width;
    T* scale_shift = args.scale_shift + network * 2 * width;
    const T* gamma = args.gamma[network];
    const T* beta = args.beta[network];
    double mean = static_cast<double>(running[c]);
    double variance = static_cast<double>(running[width + c]);
    if (sums.memory != nullptr) {
      mean = sums.of_channel(all, network, 0, c) / count;
      const double square = sums.of_channel(all, network, 1, c) / count - mean * mean;
      variance = square < 0 ? 0 : square;
    }
    all.leader([&] {
      if (moves) {
        const double unbiased = count > 1 ? variance * count / (count - 1) : variance;
        running[c] = static_cast<T>(kMomentum * static_cast<double>(running[c]) + (1 - kMomentum) * mean);
        running[width + c] =
            static_cast<T>(kMomentum * static_cast<double>(running[width + c]) + (1 - kMomentum) * unbiased);
      }
      const double inverse = 1 / ::sqrt(variance + kEpsilon);
      saved[c] = static_cast<T>(mean);
      saved[width + c] = static_cast<T>(inverse);
      const double scale = static_cast<double>(gamma[c]) * inverse;
      scale_shift[c] = static_cast<T>(scale);
      scale_shift[width + c] = static_cast<T>(static_cast<double>(beta[c]) - mean * scale);
    });
  }
};

/// With v the input, n its number of elements, y = gamma (v - mean) inverse + beta and g = dL/dy:
///   dv = gamma inverse (g - sum(g)/n - (v - mean) inverse^2 sum(g (v - mean))/n).
/// Source: Ioffe & Szegedy 2015.
template <class T>
struct BatchStatisticsBackward {
  static constexpr int kWidth = kLanes;
  BatchStatisticsBackwardArgs<T> args;
  PartialSums<T> sums;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t c) const {
    const BatchStatisticsArgs<T>& forward = args.forward;
    const NetworkState& state = forward.step.state[network];
    const int64_t channels = forward.images.size.channels;
    const int64_t width = 4 * num_quads(channels);
    const int64_t rows = state.num_rows(forward.step.micro_batch, forward.step.epoch_size);
    if (rows == 0) return;
    const double count = static_cast<double>(rows * forward.images.size.height * forward.images.size.width);
    const T* saved = forward.saved + network * 2 * width;
    const T* gamma = forward.gamma[network];
    T* grad_gamma = args.grad_gamma[network];
    T* grad_beta = args.grad_beta[network];
    T* coefficients = args.coefficients + network * 3 * width;
    const double mean = static_cast<double>(saved[c]);
    const double inverse = static_cast<double>(saved[width + c]);
    const double sum = sums.of_channel(all, network, 0, c);
    const double centred = sums.of_channel(all, network, 1, c) - mean * sum;
    all.leader([&] {
      grad_gamma[c] += static_cast<T>(centred * inverse);
      grad_beta[c] += static_cast<T>(sum);
      const double a = static_cast<double>(gamma[c]) * inverse;
      const double b = -a * inverse * inverse * centred / count;
      coefficients[c] = static_cast<T>(a);
      coefficients[width + c] = static_cast<T>(b);
      coefficients[2 * width + c] = static_cast<T>(-a * sum / count - b * mean);
    });
  }
};

template <class T>
struct BiasGradient {
  static constexpr int kWidth = kLanes;
  BiasGradientArgs<T> args;
  PartialSums<T> sums;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t c) const {
    T* grad_bias = args.grad_bias[network];
    const double sum = sums.of_channel(all, network, 0, c);
    all.leader([&] { grad_bias[c] += static_cast<T>(sum); });
  }
};

}  // namespace

template <class T>
void batch_statistics(murmur::Stream& stream, const BatchStatisticsArgs<T>& args) {
  launch(stream, "batch_statistics", args.step.num_networks, args.images.size.channels,
         BatchStatistics<T>{args, partial_sums(args.step, args.images, args.sums)});
}

MURMUR_INSTANTIATE_KERNEL(batch_statistics, BatchStatisticsArgs)

template <class T>
void batch_statistics_backward(murmur::Stream& stream, const BatchStatisticsBackwardArgs<T>& args) {
  launch(stream, "batch_statistics_backward", args.forward.step.num_networks, args.forward.images.size.channels,
         BatchStatisticsBackward<T>{args, partial_sums(args.forward.step, args.forward.images, args.sums)});
}

MURMUR_INSTANTIATE_KERNEL(batch_statistics_backward, BatchStatisticsBackwardArgs)

template <class T>
void bias_gradient(murmur::Stream& stream, const BiasGradientArgs<T>& args) {
  launch(stream, "bias_gradient", args.step.num_networks, args.images.size.channels,
         BiasGradient<T>{args, partial_sums(args.step, args.images, args.sums)});
}

MURMUR_INSTANTIATE_KERNEL(bias_gradient, BiasGradientArgs)

}  // namespace murmur::MURMUR_TARGET
