// Layer norm. Of features, lanes are samples and loops go over the features:
//
//     feature 0:   s0 s1 s2 s3 ...      one tile: 128 samples; a lane adds up its own column
//     feature 1:   s0 s1 s2 s3 ...
//
// Of images, one tile is one sample and its lanes walk over the elements. The gradients of gamma and beta are a second
// kernel, whose tiles are features (lanes: samples) or channels (lanes): every sum has one fixed order.
#include "murmur/kernels/layernorm.hpp"

#include "murmur/engine/math.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr double kEpsilon = 1e-5;  // PyTorch's
constexpr int kSamples = 128;
constexpr int kChannels = 64;

template <class T>
MURMUR_HD T inverse_deviation(T sum_of_squares, T count) {
  return T{1} / square_root(sum_of_squares / count + static_cast<T>(kEpsilon));
}

template <class T>
MURMUR_HD int64_t sample_stride(const LayernormArgs<T>& args) {
  return 4 * num_quads(args.num_features);
}

template <class T>
struct FeaturesForward {
  static constexpr int kWidth = kSamples;
  LayernormArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const int64_t rows = args.num_rows;
    const int64_t first = tile * kWidth;
    const Lanes<kWidth> lanes = all.first(rows - first);
    const T count = static_cast<T>(args.num_features);
    const T* x = args.x[network] + first;
    const T* gamma = args.gamma[network];
    const T* beta = args.beta[network];
    T* output = args.output[network] + first;
    T* saved = args.saved[network] + first;
    PerLane<T, kWidth> mean, scale;
    lanes.each([&](int i) { mean[i] = scale[i] = 0; });
    for (int64_t f = 0; f < args.num_features; ++f) lanes.each([&](int i) { mean[i] += x[f * rows + i]; });
    lanes.each([&](int i) { mean[i] /= count; });
    for (int64_t f = 0; f < args.num_features; ++f) {
      lanes.each([&](int i) { scale[i] += (x[f * rows + i] - mean[i]) * (x[f * rows + i] - mean[i]); });
    }
    lanes.each([&](int i) {
      scale[i] = inverse_deviation(scale[i], count);
      saved[i] = mean[i];
      saved[rows + i] = scale[i];
    });
    for (int64_t f = 0; f < args.num_features; ++f) {
      lanes.each([&](int i) { output[f * rows + i] = (x[f * rows + i] - mean[i]) * scale[i] * gamma[f] + beta[f]; });
    }
  }
};

template <class T>
struct ImagesForward {
  static constexpr int kWidth = 256;
  LayernormArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t row) const {
    const int64_t size = args.num_features;
    const int64_t channels = args.num_channels;
    const T count = static_cast<T>(size);
    const T* x = args.x[network] + row * sample_stride(args);
    const T* gamma = args.gamma[network];
    const T* beta = args.beta[network];
    T* output = args.output[network] + row * sample_stride(args);
    T* saved = args.saved[network] + row;
    PerLane<T, kWidth> part;
    all.each([&](int i) { part[i] = 0; });
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) { part[i] += x[first + i]; });
    }
    const T mean = all.sum(part) / count;
    all.each([&](int i) { part[i] = 0; });
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) { part[i] += (x[first + i] - mean) * (x[first + i] - mean); });
    }
    const T scale = inverse_deviation(all.sum(part), count);
    all.leader([&] {
      saved[0] = mean;
      saved[args.num_rows] = scale;
    });
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const int64_t channel = (first + i) % channels;
        output[first + i] = (x[first + i] - mean) * scale * gamma[channel] + beta[channel];
      });
    }
  }
};

/// What an element's gradient is made of: with n = (x - mean) scale and g = gamma grad_output, grad_input is
/// scale (g - mean(g) - n mean(g n)), means over the sample.
template <class T>
struct FeaturesBackward {
  static constexpr int kWidth = kSamples;
  LayernormBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const LayernormArgs<T>& forward = args.forward;
    const int64_t rows = forward.num_rows;
    const int64_t first = tile * kWidth;
    const Lanes<kWidth> lanes = all.first(rows - first);
    const T share = T{1} / static_cast<T>(forward.num_features);
    const T* x = forward.x[network] + first;
    const T* gamma = forward.gamma[network];
    const T* mean = forward.saved[network] + first;
    const T* scale = mean + rows;
    const T* grad = args.grad_output[network] + first;
    T* grad_input = args.grad_input[network] + first;
    PerLane<T, kWidth> sum, product;
    lanes.each([&](int i) { sum[i] = product[i] = 0; });
    for (int64_t f = 0; f < forward.num_features; ++f) {
      lanes.each([&](int i) {
        const T g = grad[f * rows + i] * gamma[f];
        sum[i] += g;
        product[i] += g * (x[f * rows + i] - mean[i]) * scale[i];
      });
    }
    for (int64_t f = 0; f < forward.num_features; ++f) {
      lanes.each([&](int i) {
        const T n = (x[f * rows + i] - mean[i]) * scale[i];
        const T value = scale[i] * (grad[f * rows + i] * gamma[f] - share * (sum[i] + n * product[i]));
        grad_input[f * rows + i] = args.accumulate ? grad_input[f * rows + i] + value : value;
      });
    }
  }
};

template <class T>
struct ImagesBackward {
  static constexpr int kWidth = 256;
  LayernormBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t row) const {
    const LayernormArgs<T>& forward = args.forward;
    const int64_t size = forward.num_features;
    const int64_t channels = forward.num_channels;
    const int64_t offset = row * sample_stride(forward);
    const T share = T{1} / static_cast<T>(size);
    const T* x = forward.x[network] + offset;
    const T* gamma = forward.gamma[network];
    const T mean = forward.saved[network][row];
    const T scale = forward.saved[network][forward.num_rows + row];
    const T* grad = args.grad_output[network] + offset;
    T* grad_input = args.grad_input[network] + offset;
    PerLane<T, kWidth> sums, products;
    all.each([&](int i) { sums[i] = products[i] = 0; });
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const T g = grad[first + i] * gamma[(first + i) % channels];
        sums[i] += g;
        products[i] += g * (x[first + i] - mean) * scale;
      });
    }
    const T sum = all.sum(sums);
    const T product = all.sum(products);
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const T n = (x[first + i] - mean) * scale;
        const T g = grad[first + i] * gamma[(first + i) % channels];
        const T value = scale * (g - share * (sum + n * product));
        grad_input[first + i] = args.accumulate ? grad_input[first + i] + value : value;
      });
    }
  }
};

/// d gamma, d beta of one feature.
template <class T>
struct FeatureParameters {
  static constexpr int kWidth = kSamples;
  LayernormBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t feature) const {
    const LayernormArgs<T>& forward = args.forward;
    const int64_t rows = forward.num_rows;
    const T* x = forward.x[network] + feature * rows;
    const T* mean = forward.saved[network];
    const T* scale = mean + rows;
    const T* grad = args.grad_output[network] + feature * rows;
    PerLane<T, kWidth> sums, products;
    all.each([&](int i) { sums[i] = products[i] = 0; });
    for (int64_t first = 0; first < rows; first += kWidth) {
      all.first(rows - first).each([&](int i) {
        const int64_t row = first + i;
        sums[i] += grad[row];
        products[i] += grad[row] * (x[row] - mean[row]) * scale[row];
      });
    }
    const T sum = all.sum(sums);
    const T product = all.sum(products);
    all.leader([&] {
      args.grad_beta[network][feature] += sum;
      args.grad_gamma[network][feature] += product;
    });
  }
};

/// d gamma, d beta of some channels, a lane each.
template <class T>
struct ChannelParameters {
  static constexpr int kWidth = kChannels;
  LayernormBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const LayernormArgs<T>& forward = args.forward;
    const int64_t channels = forward.num_channels;
    const int64_t first = tile * kWidth;
    const Lanes<kWidth> lanes = all.first(channels - first);
    PerLane<T, kWidth> sums, products;
    lanes.each([&](int i) { sums[i] = products[i] = 0; });
    for (int64_t row = 0; row < forward.num_rows; ++row) {
      const T mean = forward.saved[network][row];
      const T scale = forward.saved[network][forward.num_rows + row];
      const int64_t offset = row * sample_stride(forward) + first;
      for (int64_t pixel = 0; pixel < forward.num_features; pixel += channels) {
        const T* x = forward.x[network] + offset + pixel;
        const T* grad = args.grad_output[network] + offset + pixel;
        lanes.each([&](int i) {
          sums[i] += grad[i];
          products[i] += grad[i] * (x[i] - mean) * scale;
        });
      }
    }
    lanes.each([&](int i) {
      args.grad_beta[network][first + i] += sums[i];
      args.grad_gamma[network][first + i] += products[i];
    });
  }
};

int64_t tiles_of(int64_t n, int width) {
  return (n + width - 1) / width;
}

}  // namespace

template <class T>
void layernorm_forward(murmur::Stream& stream, const LayernormArgs<T>& args) {
  if (args.images) {
    launch(stream, "layernorm_forward", args.num_networks, args.num_rows, ImagesForward<T>{args});
  } else {
    launch(stream, "layernorm_forward", args.num_networks, tiles_of(args.num_rows, kSamples), FeaturesForward<T>{args});
  }
}

MURMUR_INSTANTIATE_KERNEL(layernorm_forward, LayernormArgs)

template <class T>
void layernorm_backward(murmur::Stream& stream, const LayernormBackwardArgs<T>& args) {
  const LayernormArgs<T>& forward = args.forward;
  const int64_t networks = forward.num_networks;
  if (forward.images) {
    const int64_t tiles = tiles_of(forward.num_channels, kChannels);
    launch(stream, "layernorm_parameters", networks, tiles, ChannelParameters<T>{args});
    launch(stream, "layernorm_backward", networks, forward.num_rows, ImagesBackward<T>{args});
  } else {
    launch(stream, "layernorm_parameters", networks, forward.num_features, FeatureParameters<T>{args});
    launch(stream, "layernorm_backward", networks, tiles_of(forward.num_rows, kSamples), FeaturesBackward<T>{args});
  }
}

MURMUR_INSTANTIATE_KERNEL(layernorm_backward, LayernormBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
