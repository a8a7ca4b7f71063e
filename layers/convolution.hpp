#pragma once

#include "murmur/kernels/norm_pool.hpp"
#include "murmur/layers/convolution_choice.hpp"
#include "murmur/layers/step.hpp"

namespace murmur {

struct ConvolutionOptions {
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;
  /// kAutomatic: oneDNN on the CPU where it has the shape, on a GPU what the step's choices found to be faster. The
  /// others are for tests and profiling.
  ConvolutionMethod method = ConvolutionMethod::kAutomatic;
};

/// output[p] = weight[p] * input[p], sample-major [P, m, padded out_height x out_width x filters]; no bias, which the
/// next kernel adds.
/// Shapes: input sample-major images; weight [P, filters, kernel x kernel x channels].
/// Grad:   d weight += ..., d input; as everywhere.
/// Throws: ShapeError; InvalidArgument for kLibrary where the library does not have the shape or the type.
Activations convolution(const Step& step, const Activations& input, const Variable& weight,
                        const ConvolutionOptions& options);

/// Seconds of one pass of a convolution by one method, on operands of its own: the measurement behind
/// ConvolutionChoices, and what bench_convolution prints. kAutomatic is none.
/// Throws: InvalidArgument, CudnnError, CudaError.
double convolution_seconds(Stream& stream, const ConvolutionCase& convolution, ConvolutionMethod method);

/// A batch norm's parameters and its running statistics. Shapes: gamma, beta [P, padded C]; statistics [P, 2, padded
/// C].
struct BatchNorm {
  Variable gamma;
  Variable beta;
  Tensor statistics;
};

enum class NormOrder : uint8_t { kNone, kBeforeRelu, kAfterRelu };

struct ImageActivationOptions {
  bool relu = true;
  NormOrder norm = NormOrder::kNone;
  PoolingWindow window;
  LayerMasks masks;
};

/// What follows a convolution (kernel 2): relu(input + bias + noise), batch norm before or after the ReLU, + residual
/// (before the ReLU), pooling, masks. In training the statistics are those of the micro-batch (ghost batch norm).
/// Shapes: input sample-major images, bias [P, padded C]; `norm` null without one, `residual` null without one.
/// Grad:   masks are drawn again; d bias, d gamma, d beta add up.
/// Throws: ShapeError; InvalidArgument for pooling together with a residual or a ReLU after the norm.
Activations image_activation(const Step& step, const Activations& input, const Variable& bias, const BatchNorm* norm,
                             const Activations* residual, const ImageActivationOptions& options);

/// Pooling alone, with the masks of the layer that it ends.
/// Throws: ShapeError.
Activations pool(const Step& step, const Activations& input, const ImageActivationOptions& options);

}  // namespace murmur
