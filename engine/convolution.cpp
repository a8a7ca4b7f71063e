#include "engine/convolution.hpp"

#include "engine/cpu/convolution.hpp"
#include "engine/error.hpp"

namespace murmur {
namespace {

cpu::Stream& checked(Stream& stream, const Convolution& args) {
  const ConvolutionShape& shape = args.shape;
  if (args.num_networks < 1 || shape.batch < 1 || shape.channels < 1 || shape.filters < 1 || shape.stride < 1 ||
      shape.out_height() < 1 || shape.out_width() < 1) {
    throw ShapeError(
        "convolution: expected P, batch, channels, filters and output sizes >= 1, got P={}, {} x {} x {} x {}",
        args.num_networks, shape.batch, shape.out_height(), shape.out_width(), shape.filters);
  }
  if (!has_library_convolution(stream.device(), shape)) {
    throw InvalidArgument("convolution: expected a shape of the library on {}, got images of {} x {} x {}",
                          stream.device().name(), shape.height, shape.width, shape.channels);
  }
  return static_cast<cpu::Stream&>(stream);
}

}  // namespace

bool has_library_convolution(Device device, const ConvolutionShape& shape) {
  // Samples start at whole quads; the library wants them dense.
  return !device.is_cuda() && shape.input_size() % 4 == 0 && shape.output_size() % 4 == 0;
}

void convolution_forward(Stream& stream, const Convolution& args) {
  cpu::convolution_forward(checked(stream, args), args);
}

void convolution_backward_input(Stream& stream, const Convolution& args) {
  cpu::convolution_backward_input(checked(stream, args), args);
}

void convolution_backward_weight(Stream& stream, const Convolution& args) {
  cpu::convolution_backward_weight(checked(stream, args), args);
}

}  // namespace murmur
