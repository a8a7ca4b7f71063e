// The small kernels around a batch norm: from the partial sums of a tile's lanes to the statistics, coefficients and
// parameter gradients of each channel. One lane is a channel. Sums are finished in double: E[x^2] - E[x]^2 cancels.
#include "murmur/kernels/images.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr int kChannels = 64;
constexpr double kMomentum = 0.99;  // Keras's
constexpr double kEpsilon = 1e-3;

int64_t channel_tiles(int64_t channels) {
  return (channels + kChannels - 1) / kChannels;
}

/// The sum of a channel over all tiles that have it; `which` is 0 or 1.
template <class Args, class T>
MURMUR_HD double channel_sum(const Args& args, const T* sums, int64_t network, int which, int64_t channel) {
  const int64_t blocks = num_blocks(args.size, args.layout);
  const int64_t channels = args.size.channels / blocks;
  const int64_t width = 4 * quads_per_walk(channels);
  double total = 0;
  for (int64_t tile = channel / channels; tile < args.num_tiles; tile += blocks) {
    const T* part = sums + ((network * args.num_tiles + tile) * 2 + which) * kChannelSums;
    for (int64_t k = channel % channels; k < width; k += channels) total += static_cast<double>(part[k]);
  }
  return total;
}

template <class T>
struct BatchStatistics {
  static constexpr int kWidth = kChannels;
  BatchStatisticsArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const NetworkState& state = args.step.state[network];
    const int64_t channels = args.size.channels;
    const int64_t width = 4 * num_quads(channels);
    const int64_t rows = state.num_rows(args.step.micro_batch, args.step.epoch_size);
    const double count = static_cast<double>(rows * args.size.height * args.size.width);
    if (rows == 0) return;
    const bool moves = args.sums != nullptr && state.status == NetworkStatus::kRunning;
    T* running = args.running + network * 2 * width;
    T* saved = args.saved + network * 2 * width;
    T* scale_shift = args.scale_shift + network * 2 * width;
    const T* gamma = args.gamma + network * args.parameter_stride;
    const T* beta = args.beta + network * args.parameter_stride;
    const int64_t first = tile * kWidth;
    all.first(channels - first).each([&](int i) {
      const int64_t c = first + i;
      double mean = static_cast<double>(running[c]);
      double variance = static_cast<double>(running[width + c]);
      if (args.sums != nullptr) {
        mean = channel_sum(args, args.sums, network, 0, c) / count;
        const double square = channel_sum(args, args.sums, network, 1, c) / count - mean * mean;
        variance = square < 0 ? 0 : square;
      }
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
  static constexpr int kWidth = kChannels;
  BatchStatisticsBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const BatchStatisticsArgs<T>& forward = args.forward;
    const NetworkState& state = forward.step.state[network];
    const int64_t channels = forward.size.channels;
    const int64_t width = 4 * num_quads(channels);
    const int64_t rows = state.num_rows(forward.step.micro_batch, forward.step.epoch_size);
    if (rows == 0) return;
    const double count = static_cast<double>(rows * forward.size.height * forward.size.width);
    const T* saved = forward.saved + network * 2 * width;
    const T* gamma = forward.gamma + network * forward.parameter_stride;
    T* grad_gamma = args.grad_gamma + network * forward.parameter_stride;
    T* grad_beta = args.grad_beta + network * forward.parameter_stride;
    T* coefficients = args.coefficients + network * 3 * width;
    const int64_t first = tile * kWidth;
    all.first(channels - first).each([&](int i) {
      const int64_t c = first + i;
      const double mean = static_cast<double>(saved[c]);
      const double inverse = static_cast<double>(saved[width + c]);
      const double sum = channel_sum(forward, args.sums, network, 0, c);
      const double centred = channel_sum(forward, args.sums, network, 1, c) - mean * sum;
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
  static constexpr int kWidth = kChannels;
  BiasGradientArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    T* grad_bias = args.grad_bias + network * args.bias_stride;
    const int64_t first = tile * kWidth;
    all.first(args.size.channels - first).each([&](int i) {
      grad_bias[first + i] += static_cast<T>(channel_sum(args, args.sums, network, 0, first + i));
    });
  }
};

template <class T>
void run(murmur::Stream& stream, const BatchStatisticsArgs<T>& args) {
  launch(stream, "batch_statistics", args.step.num_networks, channel_tiles(args.size.channels),
         BatchStatistics<T>{args});
}

template <class T>
void run(murmur::Stream& stream, const BatchStatisticsBackwardArgs<T>& args) {
  launch(stream, "batch_statistics_backward", args.forward.step.num_networks, channel_tiles(args.forward.size.channels),
         BatchStatisticsBackward<T>{args});
}

template <class T>
void run(murmur::Stream& stream, const BiasGradientArgs<T>& args) {
  launch(stream, "bias_gradient", args.step.num_networks, channel_tiles(args.size.channels), BiasGradient<T>{args});
}

}  // namespace

MURMUR_DEFINE_KERNEL(batch_statistics, BatchStatisticsArgs)
MURMUR_DEFINE_KERNEL(batch_statistics_backward, BatchStatisticsBackwardArgs)
MURMUR_DEFINE_KERNEL(bias_gradient, BiasGradientArgs)

}  // namespace murmur::MURMUR_TARGET
