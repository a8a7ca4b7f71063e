#pragma once

#include <optional>

#include "murmur/layers/image_activation.hpp"
#include "murmur/layers/parameters.hpp"

namespace murmur {

/// A batch norm's parameters, as the Parameters number them.
struct NormParameters {
  size_t gamma = 0, beta = 0, statistics = 0;
};

/// What the kernels at a module's end do beside the module's own arithmetic, and what they still can take over from
/// the modules that follow.
struct Tail {
  bool takes_norm = false;  // a batch norm after the ReLU
  bool takes_pooling = false;
  bool takes_dropout = true;
  std::optional<NormParameters> norm{};
  ImageActivationOptions options{};  // layer 0: none yet

  /// The options in force: the study's masks on inputs act only where a step has them.
  ImageActivationOptions options_of(const Step& step) const;
};

/// Masks by a kernel of their own; x itself where none can be on.
Activations finish_masks(const Step& step, const Activations& x, const Tail& tail);

/// The end of a module of images: bias, and what its tail says.
/// Shapes: x sample-major images; `bias` as Parameters numbers it; `residual` null without one.
Activations finish_images(const Step& step, const Parameters& parameters, const Activations& x, size_t bias,
                          const Tail& tail, const Activations* residual = nullptr);

}  // namespace murmur
