#include "murmur/engine/convolution.hpp"

#include <cstdint>

#include "murmur/engine/cpu/dnnl_convolution.hpp"
#include "murmur/engine/cuda/cudnn_convolution.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

#if defined(MURMUR_HAS_CUDNN)
constexpr bool kCudnnBuild = true;
#else
constexpr bool kCudnnBuild = false;
#endif

void check_shape(const Convolution& args) {
  const ConvolutionShape& shape = args.shape;
  if (args.num_networks < 1 || shape.batch < 1 || shape.channels < 1 || shape.filters < 1 || shape.stride < 1 ||
      shape.out_height() < 1 || shape.out_width() < 1) {
    throw ShapeError(
        "convolution: expected P, batch, channels, filters and output sizes >= 1, got P={}, {} x {} x {} x {}",
        args.num_networks, shape.batch, shape.out_height(), shape.out_width(), shape.filters);
  }
}

void check_operand(const char* what, const float* data, int64_t stride) {
  if (reinterpret_cast<uintptr_t>(data) % (4 * sizeof(float)) != 0 || stride % 4 != 0) {
    throw InvalidArgument("convolution: expected {} at whole quads, got a stride of {} from {}", what, stride,
                          static_cast<const void*>(data));
  }
}

void run(Stream& stream, ConvolutionPass pass, const Convolution& args) {
  check_shape(args);
  if (!has_library_convolution(stream.device(), args.shape)) {
    throw InvalidArgument("convolution: expected a shape of the library on {}, got images of {} x {} x {}",
                          stream.device().name(), args.shape.height, args.shape.width, args.shape.channels);
  }
  if (stream.device().is_cuda()) {
    check_operand("the input", args.input, args.input_stride);
    check_operand("the weight", args.weight, args.weight_stride);
    check_operand("the output", args.output, args.output_stride);
    if (args.input_layout != ImageLayout::kChannelsLast || args.output_layout != ImageLayout::kChannelsLast) {
      throw InvalidArgument("convolution: expected channels last on {}, got blocks", stream.device().name());
    }
    if constexpr (kCudnnBuild) cuda::convolution(stream, pass, args);
    return;
  }
  auto& host = static_cast<cpu::Stream&>(stream);
  switch (pass) {
    case ConvolutionPass::kForward:
      return cpu::convolution_forward(host, args);
    case ConvolutionPass::kBackwardInput:
      return cpu::convolution_backward_input(host, args);
    case ConvolutionPass::kBackwardWeight:
      return cpu::convolution_backward_weight(host, args);
  }
}

}  // namespace

const char* name(ConvolutionPass pass) {
  switch (pass) {
    case ConvolutionPass::kForward:
      return "forward";
    case ConvolutionPass::kBackwardInput:
      return "backward_input";
    case ConvolutionPass::kBackwardWeight:
      return "backward_weight";
  }
  return "";
}

bool has_library_convolution(Device device, const ConvolutionShape& shape) {
  // Samples start at whole quads; the library wants them dense.
  const bool dense = shape.input_size() % 4 == 0 && shape.output_size() % 4 == 0;
  return dense && (kCudnnBuild || !device.is_cuda());
}

ImageLayout library_layout(Device device, const ConvolutionShape& shape) {
  return has_channel_blocks(device) ? cpu::library_layout(shape) : ImageLayout::kChannelsLast;
}

std::string convolution_library(Device device) {
  if (!device.is_cuda()) return cpu::convolution_library();
  if constexpr (kCudnnBuild) return cuda::convolution_library();
  return "no library";
}

int64_t take_convolution_buffer_bytes() {
  return cpu::take_convolution_buffer_bytes();
}

std::string convolution_library_status(Device device) {
  if (!device.is_cuda()) return "ready";
  if constexpr (kCudnnBuild) return cuda::convolution_library_status(device.index);
  return "not in this build";
}

ConvolutionPlan plan_convolution(Stream& stream, ConvolutionPass pass, const Convolution& args,
                                 [[maybe_unused]] const PlanWish& wish) {
  check_shape(args);
  if (!has_library_convolution(stream.device(), args.shape)) return {.reason = "no shape of the library"};
  if constexpr (kCudnnBuild) {
    if (stream.device().is_cuda()) return cuda::plan_convolution(stream, pass, args, wish);
  }
  return {.is_ready = true};
}

void convolution_forward(Stream& stream, const Convolution& args) {
  run(stream, ConvolutionPass::kForward, args);
}

void convolution_backward_input(Stream& stream, const Convolution& args) {
  run(stream, ConvolutionPass::kBackwardInput, args);
}

void convolution_backward_weight(Stream& stream, const Convolution& args) {
  run(stream, ConvolutionPass::kBackwardWeight, args);
}

}  // namespace murmur
