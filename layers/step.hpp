#pragma once

#include "engine/arena.hpp"
#include "engine/stream.hpp"
#include "engine/variable.hpp"
#include "kernels/kernels.hpp"

namespace murmur {

/// Calls f with a value of the tensor's element type: f(float{}) or f(double{}). Throws: InvalidArgument for others.
template <class F>
auto dispatch_dtype(DType dtype, F&& f) {
  if (dtype == DType::kF32) return f(float{});
  if (dtype == DType::kF64) return f(double{});
  throw InvalidArgument("expected f32 or f64, got {}", name(dtype));
}

/// Where a step runs, where its tensors come from, and which networks it is for.
struct Step {
  Stream& stream;
  Arena& arena;
  StepArgs args;
  DType dtype = DType::kF32;
  bool training = true;
  bool allow_tf32 = false;
};

/// Sample-major [P, m, padded features] (the input) or feature-major [P, padded features, m] (what a linear layer
/// makes).
enum class Layout : uint8_t { kSampleMajor, kFeatureMajor };

/// The values that flow from layer to layer.
struct Activations {
  Variable x;
  Layout layout = Layout::kFeatureMajor;
  int64_t num_features = 0;
};

}  // namespace murmur
