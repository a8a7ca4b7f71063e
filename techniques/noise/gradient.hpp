#pragma once

#include <cmath>
#include <cstdint>

#include "murmur/engine/random/distributions.hpp"

// Noise on gradients, applied once an update, in this order: dropout, frozen mask, noise.
namespace murmur::noise {

/// Standard deviation of noise whose variance decays as eta / (1 + t)^0.55; t counts the network's updates from 0.
/// Source: Neelakantan et al. 2015, with gamma = 0.55.
MURMUR_HD float decayed_deviation(float eta, int64_t update) {
  return ::sqrtf(eta) * ::powf(1.0f + static_cast<float>(update), -0.275f);
}

/// g m, m = 1[U > p], fresh every update, not rescaled.
template <class T>
MURMUR_HD T gradient_dropout(T g, float probability, uint32_t word) {
  return uniform(word) > probability ? g : T{0};
}

/// g m, m = 1[U > q], drawn once for the whole training.
template <class T>
MURMUR_HD T freeze(T g, float fraction, uint32_t word) {
  return uniform(word) > fraction ? g : T{0};
}

/// g + deviation n; also on masked and frozen elements.
template <class T>
MURMUR_HD T gradient_noise(T g, T deviation, float n) {
  return g + deviation * static_cast<T>(n);
}

}  // namespace murmur::noise
