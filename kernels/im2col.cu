// Convolution as a matrix product: the unfolded input, and back. One tile is one sample's row of output pixels (im2col)
// or of input pixels (col2im).
#include "murmur/kernels/im2col.hpp"

#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

template <class T>
struct Im2col {
  static constexpr int kWidth = 128;
  Im2colArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const ConvolutionShape& shape = args.shape;
    const int64_t row = tile / shape.out_height();
    const int64_t out_y = tile % shape.out_height();
    const int64_t sample_stride = 4 * num_quads(shape.input_size());
    const int64_t width = 4 * num_quads(shape.filter_size());
    const T* x = args.x[network] + (args.first_row + row) * sample_stride;
    T* columns = args.columns[network] + tile * shape.out_width() * width;
    const int64_t size = shape.out_width() * width;
    // A row of output and an image have less than 2^31 elements, and a GPU divides 64 bits in four times as long.
    const auto row_of_filter = static_cast<uint32_t>(shape.kernel * shape.channels);
    const auto filter = static_cast<uint32_t>(shape.filter_size());
    const auto padded_filter = static_cast<uint32_t>(width);
    const auto channels = static_cast<uint32_t>(shape.channels);
    const auto stride = static_cast<int32_t>(shape.stride);
    const auto padding = static_cast<int32_t>(shape.padding);
    const auto image_width = static_cast<int32_t>(shape.width);
    const auto image_height = static_cast<int32_t>(shape.height);
    const int32_t y0 = static_cast<int32_t>(out_y) * stride - padding;
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const uint32_t e = static_cast<uint32_t>(first) + static_cast<uint32_t>(i);
        const uint32_t out_x = e / padded_filter;
        const uint32_t k = e - out_x * padded_filter;
        const uint32_t ky = k / row_of_filter;
        const uint32_t in_row = k - ky * row_of_filter;
        const uint32_t kx = in_row / channels;
        const int32_t y = y0 + static_cast<int32_t>(ky);
        const int32_t column = static_cast<int32_t>(out_x) * stride - padding + static_cast<int32_t>(kx);
        const bool inside = k < filter && y >= 0 && y < image_height && column >= 0 && column < image_width;
        const int64_t pixel = inside ? y * image_width + column : 0;
        columns[first + i] = inside ? x[pixel * channels + (in_row - kx * channels)] : T{0};
      });
    }
  }
};

/// Every element of the input collects from the output pixels whose filters see it: no two lanes write the same place.
template <class T>
struct Col2im {
  static constexpr int kWidth = 128;
  Im2colArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    const ConvolutionShape& shape = args.shape;
    const int64_t row = tile / shape.height;
    const int64_t y = tile % shape.height;
    const int64_t sample_stride = 4 * num_quads(shape.input_size());
    const int64_t width = 4 * num_quads(shape.filter_size());
    const int64_t size = shape.width * shape.channels;
    T* x = args.x[network] + (args.first_row + row) * sample_stride + y * size;
    const T* columns = args.columns[network] + row * shape.out_height() * shape.out_width() * width;
    const auto channels = static_cast<uint32_t>(shape.channels);
    const auto kernel = static_cast<int32_t>(shape.kernel);
    const auto stride = static_cast<int32_t>(shape.stride);
    const auto padding = static_cast<int32_t>(shape.padding);
    const auto out_height = static_cast<int32_t>(shape.out_height());
    const auto out_width = static_cast<int32_t>(shape.out_width());
    const int32_t padded_y = static_cast<int32_t>(y) + padding;
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const uint32_t e = static_cast<uint32_t>(first) + static_cast<uint32_t>(i);
        const uint32_t column = e / channels;
        const uint32_t channel = e - column * channels;
        T sum = args.accumulate ? x[first + i] : T{0};
        for (int32_t ky = 0; ky < kernel; ++ky) {
          const int32_t above = padded_y - ky;
          if (above < 0) break;
          const int32_t out_y = above / stride;
          if (out_y * stride != above || out_y >= out_height) continue;
          for (int32_t kx = 0; kx < kernel; ++kx) {
            const int32_t left = static_cast<int32_t>(column) + padding - kx;
            if (left < 0) break;
            const int32_t out_x = left / stride;
            if (out_x * stride != left || out_x >= out_width) continue;
            const int64_t pixel = out_y * out_width + out_x;
            sum += columns[pixel * width + (ky * kernel + kx) * channels + channel];
          }
        }
        x[first + i] = sum;
      });
    }
  }
};

}  // namespace

template <class T>
void im2col(murmur::Stream& stream, const Im2colArgs<T>& args) {
  launch(stream, "im2col", args.num_networks, args.num_rows * args.shape.out_height(), Im2col<T>{args});
}

template <class T>
void col2im(murmur::Stream& stream, const Im2colArgs<T>& args) {
  launch(stream, "col2im", args.num_networks, args.num_rows * args.shape.height, Col2im<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(im2col, Im2colArgs)
MURMUR_INSTANTIATE_KERNEL(col2im, Im2colArgs)

}  // namespace murmur::MURMUR_TARGET
