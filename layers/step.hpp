#pragma once

#include <type_traits>

#include "murmur/engine/arena.hpp"
#include "murmur/engine/convolution.hpp"
#include "murmur/engine/image_size.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/engine/variable.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Calls f with a value of the tensor's element type: f(float{}) or f(double{}). Throws: InvalidArgument for others.
template <class F>
auto dispatch_dtype(DType dtype, F&& f) {
  if (dtype == DType::kF32) return f(float{});
  if (dtype == DType::kF64) return f(double{});
  throw InvalidArgument("expected f32 or f64, got {}", name(dtype));
}

class ConvolutionChoices;

/// Where a step runs, where its tensors come from, and which networks it is for.
struct Step {
  Stream& stream;
  Arena& arena;
  StepArgs args;
  DType dtype = DType::kF32;
  bool training = true;
  bool allow_tf32 = false;
  ConvolutionChoices* choices = nullptr;  // null: convolutions on a GPU are matrix products
  /// Kernels of what acts on regions of images are launched: where a trial has any of it on.
  bool has_regions = false;
  /// Recorded on the CPU, and never run, for the memory that the same step takes on a GPU.
  bool stands_for_gpu = false;

  bool is_for_gpu() const { return stands_for_gpu || stream.device().is_cuda(); }
};

/// True where dropconnect masks the inputs of layers.
inline bool masks_inputs(const Step& step) {
  return step.args.definitions.dropconnect_on == DropconnectOn::kInputs;
}

/// Sample-major [P, m, padded features] (the input, images) or feature-major [P, padded features, m] (what a linear
/// layer makes).
enum class Layout : uint8_t { kSampleMajor, kFeatureMajor };

/// The values that flow from layer to layer.
struct Activations {
  Variable x;
  Layout layout = Layout::kFeatureMajor;
  int64_t num_features = 0;
  ImageSize size{};  // of sample-major ones: height x width x channels = num_features
  ImageLayout image_layout = ImageLayout::kChannelsLast;  // of sample-major ones
  Variable bias{};                                        // of a last layer, which the loss adds; undefined elsewhere
};

/// The tensor [P, ...] as a kernel takes it.
template <class T>
PerNetwork<T> per_network(const Tensor& tensor) {
  return {tensor.data<std::remove_const_t<T>>(), tensor.network_stride()};
}

/// n rounded up to whole quads.
inline int64_t padded(int64_t n) {
  return 4 * num_quads(n);
}

/// Throws: ShapeError, naming what it is and what was expected.
inline void check_shape(const char* what, const Tensor& tensor, const Shape& expected) {
  if (tensor.shape() != expected) {
    throw ShapeError("{} must be {}, got {}", what, to_string(expected), to_string(tensor.shape()));
  }
}

}  // namespace murmur
