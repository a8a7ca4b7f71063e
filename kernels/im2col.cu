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
    const int64_t run = shape.kernel * shape.channels;
    const int64_t y0 = out_y * shape.stride - shape.padding;
    const int64_t size = shape.out_width() * width;
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const int64_t out_x = (first + i) / width;
        const int64_t k = (first + i) % width;
        const int64_t y = y0 + k / run;
        const int64_t column = out_x * shape.stride - shape.padding + k % run / shape.channels;
        const bool inside =
            k < shape.filter_size() && y >= 0 && y < shape.height && column >= 0 && column < shape.width;
        columns[first + i] = inside ? x[(y * shape.width + column) * shape.channels + k % shape.channels] : T{0};
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
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int i) {
        const int64_t column = (first + i) / shape.channels;
        const int64_t channel = (first + i) % shape.channels;
        T sum = args.accumulate ? x[first + i] : T{0};
        for (int64_t ky = 0; ky < shape.kernel; ++ky) {
          const int64_t above = y + shape.padding - ky;
          if (above < 0 || above % shape.stride != 0 || above / shape.stride >= shape.out_height()) continue;
          for (int64_t kx = 0; kx < shape.kernel; ++kx) {
            const int64_t left = column + shape.padding - kx;
            if (left < 0 || left % shape.stride != 0 || left / shape.stride >= shape.out_width()) continue;
            const int64_t pixel = above / shape.stride * shape.out_width() + left / shape.stride;
            sum += columns[pixel * width + (ky * shape.kernel + kx) * shape.channels + channel];
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
