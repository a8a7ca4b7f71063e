#pragma once

#include <cstdint>
#include <string>

#include "murmur/engine/stream.hpp"
#include "murmur/engine/target.hpp"

namespace murmur {

/// Channels last, [batch, height, width, channels], or in blocks of 16 of them, [batch, channels / 16, height, width,
/// 16].
enum class ImageLayout : uint8_t { kChannelsLast, kChannelBlocks };
inline constexpr int64_t kChannelBlock = 16;

/// True where kernels read blocks of channels: on CPUs.
inline bool has_channel_blocks(Device device) {
  return !device.is_cuda() && !emulates_gpu();
}

/// A convolution over images: input [batch, height, width, channels], weight [filters, kernel, kernel, channels],
/// output [batch, out_height, out_width, filters].
struct ConvolutionShape {
  int64_t batch = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  int64_t filters = 0;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;

  MURMUR_HD int64_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  MURMUR_HD int64_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
  MURMUR_HD int64_t input_size() const { return height * width * channels; }
  MURMUR_HD int64_t output_size() const { return out_height() * out_width() * filters; }
  /// Elements of one filter: the inner dimension of the convolution as a matrix product.
  MURMUR_HD int64_t filter_size() const { return kernel * kernel * channels; }
};

/// The operands of a library's convolution (one pass, all networks), or of its gradients: which one is written depends
/// on the pass. A stride is the distance from network to network; samples are dense.
struct Convolution {
  int64_t num_networks = 0;
  ConvolutionShape shape;
  float* input = nullptr;
  int64_t input_stride = 0;
  float* weight = nullptr;
  int64_t weight_stride = 0;
  float* output = nullptr;
  int64_t output_stride = 0;
  bool allow_tf32 = false;  // GPU only
  ImageLayout input_layout = ImageLayout::kChannelsLast;
  ImageLayout output_layout = ImageLayout::kChannelsLast;
};

enum class ConvolutionPass : uint8_t { kForward, kBackwardInput, kBackwardWeight };

/// "forward", "backward_input", "backward_weight"
const char* name(ConvolutionPass pass);

/// True where this build has a library (oneDNN, cuDNN) that may convolve this shape itself. Elsewhere im2col and a
/// matrix product do.
bool has_library_convolution(Device device, const ConvolutionShape& shape);

/// The layout in which the device's library is best given the output of this convolution.
ImageLayout library_layout(Device device, const ConvolutionShape& shape);

/// The device's library and its version ("oneDNN 2.6.0", "cuDNN 9.19.0"), or "no library".
std::string convolution_library(Device device);

/// Which method and which plan are the fastest is measured with no more networks than this: what is true of so many is
/// true of more.
inline constexpr int64_t kMostTimedNetworks = 16;

/// Which of a library's plans is wanted.
struct PlanWish {
  /// That of an earlier ConvolutionPlan, if the library still offers it. Empty: any.
  std::string configuration{};
  /// The fastest, by the clock. Otherwise the first, in the order of the library's heuristics, that runs: the same one
  /// in every process of the same library on the same device.
  bool by_time = true;
};

/// Whether a library is ready for a pass.
struct ConvolutionPlan {
  bool is_ready = false;
  /// Of cuDNN: the engine and its settings, "engine 12 4=7", which mean the same with the same version on the same
  /// device. Else empty.
  std::string configuration{};
  /// Why there is no plan.
  std::string reason{};

  explicit operator bool() const { return is_ready; }
};

/// Makes the library ready for this pass; its operands are not looked at and may be null. On a GPU: plans of cuDNN are
/// timed and the fastest is kept in the stream, which takes a while the first time and nothing after that. With the
/// configuration of an earlier plan nothing is timed, and the bits are those of that plan; one that the library does
/// not offer counts as none. What the stream keeps answers later wishes too. Not ready where the library has no plan,
/// for whatever reason: then im2col and a matrix product do. Throws: ShapeError; Error while the stream captures (cuDNN
/// loads and compiles kernels here).
ConvolutionPlan plan_convolution(Stream& stream, ConvolutionPass pass, const Convolution& args,
                                 const PlanWish& wish = {});

/// One line on whether the GPU's library can be used: "ready", or why it cannot.
std::string convolution_library_status(Device device);

/// Bytes of the buffers in which each CPU thread runs the library's passes, whatever number of networks: those that
/// serve all passes which the calling thread has asked for, captured ones too, since it called this last.
int64_t take_convolution_buffer_bytes();

// On a GPU operands start at whole quads, those of every network: what is wider than that pays for vector loads. A pass
// without a plan is planned first, unless the stream captures: then that is an Error. The networks of a call run on
// parallel branches of the stream, with working memory that the stream keeps: its graphs must not outlive it.

/// output[p] = weight[p] * input[p] (a cross-correlation, as everywhere in this field).
/// Throws: ShapeError, InvalidArgument (no library convolution, operands), Error (oneDNN), CudnnError, CudaError.
void convolution_forward(Stream& stream, const Convolution& args);

/// input[p] = the gradient of the input, from `output`, which holds that of the output. Overwrites.
void convolution_backward_input(Stream& stream, const Convolution& args);

/// weight[p] += the gradient of the weight, from `input` and from `output`, which holds the gradient of the output.
void convolution_backward_weight(Stream& stream, const Convolution& args);

}  // namespace murmur
