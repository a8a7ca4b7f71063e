#pragma once

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

}  // namespace murmur
