// Depthwise convolution: a lane is a channel of a pixel, and collects what its filter sees. One tile is one sample's
// row of pixels, of the output (forward) or of the input (backward); of the filters' gradients it is some channels.
#include "murmur/kernels/depthwise.hpp"

#include "murmur/engine/quad.hpp"
#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr int kChannels = 64;

/// Elements from sample to sample.
MURMUR_HD int64_t sample_stride(int64_t size) {
  return 4 * num_quads(size);
}

template <class T>
struct Forward {
  static constexpr int kWidth = 128;
  DepthwiseArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const ConvolutionShape& shape = args.shape;
    const int64_t row = tile / shape.out_height();
    const int64_t out_y = tile % shape.out_height();
    const int64_t size = shape.out_width() * shape.channels;
    const T* x = args.x[network] + row * sample_stride(shape.input_size());
    const T* weight = args.weight[network];
    T* output = args.output[network] + row * sample_stride(shape.output_size()) + out_y * size;
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const int64_t channel = (first + i) % shape.channels;
        const int64_t left = (first + i) / shape.channels * shape.stride - shape.padding;
        T sum = 0;
        for (int64_t ky = 0; ky < shape.kernel; ++ky) {
          const int64_t y = out_y * shape.stride - shape.padding + ky;
          if (y < 0 || y >= shape.height) continue;
          for (int64_t kx = 0; kx < shape.kernel; ++kx) {
            const int64_t column = left + kx;
            if (column < 0 || column >= shape.width) continue;
            sum += weight[(channel * shape.kernel + ky) * shape.kernel + kx] *
                   x[(y * shape.width + column) * shape.channels + channel];
          }
        }
        output[first + i] = sum;
      });
    }
  }
};

/// Every element of the input collects from the output pixels whose filters see it.
template <class T>
struct BackwardInput {
  static constexpr int kWidth = 128;
  DepthwiseBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const ConvolutionShape& shape = args.forward.shape;
    const int64_t row = tile / shape.height;
    const int64_t y = tile % shape.height;
    const int64_t size = shape.width * shape.channels;
    const T* grad = args.grad_output[network] + row * sample_stride(shape.output_size());
    const T* weight = args.forward.weight[network];
    T* grad_input = args.grad_input[network] + row * sample_stride(shape.input_size()) + y * size;
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const int64_t channel = (first + i) % shape.channels;
        const int64_t column = (first + i) / shape.channels;
        T sum = args.accumulate ? grad_input[first + i] : T{0};
        for (int64_t ky = 0; ky < shape.kernel; ++ky) {
          const int64_t above = y + shape.padding - ky;
          if (above < 0 || above % shape.stride != 0 || above / shape.stride >= shape.out_height()) continue;
          for (int64_t kx = 0; kx < shape.kernel; ++kx) {
            const int64_t left = column + shape.padding - kx;
            if (left < 0 || left % shape.stride != 0 || left / shape.stride >= shape.out_width()) continue;
            const int64_t pixel = above / shape.stride * shape.out_width() + left / shape.stride;
            sum += weight[(channel * shape.kernel + ky) * shape.kernel + kx] * grad[pixel * shape.channels + channel];
          }
        }
        grad_input[first + i] = sum;
      });
    }
  }
};

/// One element of the filters of some channels, over all samples and pixels.
template <class T>
struct BackwardWeight {
  static constexpr int kWidth = kChannels;
  DepthwiseBackwardArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const ConvolutionShape& shape = args.forward.shape;
    const int64_t taps = shape.kernel * shape.kernel;
    const int64_t first = tile / taps * kWidth;
    const int64_t ky = tile % taps / shape.kernel;
    const int64_t kx = tile % shape.kernel;
    const Lanes<kWidth> lanes = all.first(shape.channels - first);
    PerLane<T, kWidth> sum;
    lanes.each([&](int i) { sum[i] = 0; });
    for (int64_t row = 0; row < shape.batch; ++row) {
      const T* x = args.forward.x[network] + row * sample_stride(shape.input_size()) + first;
      const T* grad = args.grad_output[network] + row * sample_stride(shape.output_size()) + first;
      for (int64_t out_y = 0; out_y < shape.out_height(); ++out_y) {
        const int64_t y = out_y * shape.stride - shape.padding + ky;
        if (y < 0 || y >= shape.height) continue;
        for (int64_t out_x = 0; out_x < shape.out_width(); ++out_x) {
          const int64_t column = out_x * shape.stride - shape.padding + kx;
          if (column < 0 || column >= shape.width) continue;
          const T* pixel = x + (y * shape.width + column) * shape.channels;
          const T* out_pixel = grad + (out_y * shape.out_width() + out_x) * shape.channels;
          lanes.each([&](int i) { sum[i] += pixel[i] * out_pixel[i]; });
        }
      }
    }
    T* grad_weight = args.grad_weight[network];
    lanes.each([&](int i) { grad_weight[((first + i) * shape.kernel + ky) * shape.kernel + kx] += sum[i]; });
  }
};

}  // namespace

template <class T>
void depthwise_forward(murmur::Stream& stream, const DepthwiseArgs<T>& args) {
  launch(stream, "depthwise_forward", args.num_networks, args.shape.batch * args.shape.out_height(), Forward<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(depthwise_forward, DepthwiseArgs)

template <class T>
void depthwise_backward(murmur::Stream& stream, const DepthwiseBackwardArgs<T>& args) {
  const ConvolutionShape& shape = args.forward.shape;
  const int64_t networks = args.forward.num_networks;
  const int64_t tiles = (shape.channels + kChannels - 1) / kChannels * shape.kernel * shape.kernel;
  launch(stream, "depthwise_backward_weight", networks, tiles, BackwardWeight<T>{args});
  if (args.grad_input.is_null()) return;
  launch(stream, "depthwise_backward_input", networks, shape.batch * shape.height, BackwardInput<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(depthwise_backward, DepthwiseBackwardArgs)

}  // namespace murmur::MURMUR_TARGET
