#include "murmur/layers/modules/tail.hpp"

#include "murmur/layers/operations.hpp"

namespace murmur {

ImageActivationOptions Tail::options_of(const Step& step) const {
  ImageActivationOptions result = options;
  result.masks.next_input &= masks_inputs(step);
  return result;
}

Activations finish_masks(const Step& step, const Activations& x, const Tail& tail) {
  const LayerMasks masks = tail.options_of(step).masks;
  return step.training && (masks.dropout || masks.next_input) ? mask(step, x, masks) : x;
}

Activations finish_images(const Step& step, const Parameters& parameters, const Activations& x, size_t bias,
                          const Tail& tail, const Activations* residual) {
  const ImageActivationOptions options = tail.options_of(step);
  if (!tail.norm) return image_activation(step, x, parameters.of(step, bias), nullptr, residual, options);
  const BatchNorm norm{parameters.of(step, tail.norm->gamma), parameters.of(step, tail.norm->beta),
                       parameters.statistics(tail.norm->statistics)};
  return image_activation(step, x, parameters.of(step, bias), &norm, residual, options);
}

}  // namespace murmur
