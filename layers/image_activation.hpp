#pragma once

#include "murmur/kernels/norm_pool.hpp"
#include "murmur/layers/step.hpp"

namespace murmur {

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
