#pragma once

#include "murmur/layers/step.hpp"

namespace murmur {

/// The same images with channels last: what a linear layer flattens.
Activations channels_last(const Step& step, const Activations& images);

}  // namespace murmur
