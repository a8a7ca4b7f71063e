#pragma once

#include <cmath>
#include <cstdint>

#include "engine/quad.hpp"
#include "engine/random/distributions.hpp"

// Noise on gradients, applied once an update, in this order: dropout, frozen mask, noise.
namespace murmur::noise {

/// Standard deviation of noise whose variance decays as eta / (1 + t)^0.55; t counts the network's updates from 0.
/// Source: Neelakantan et al. 2015, with gamma = 0.55.
MURMUR_HD float decayed_deviation(float eta, int64_t update) {
  return ::sqrtf(eta) * ::powf(1.0f + static_cast<float>(update), -0.275f);
}

/// g m, m = 1[U > p], fresh every update, not rescaled.
template <class T>
MURMUR_HD Quad<T> gradient_dropout(const Quad<T>& g, float probability, const Quad<uint32_t>& words) {
  return map(g, words, [=](T value, uint32_t word) { return uniform(word) > probability ? value : T{0}; });
}

/// g m, m = 1[U > q], drawn once for the whole training.
template <class T>
MURMUR_HD Quad<T> freeze(const Quad<T>& g, float fraction, const Quad<uint32_t>& words) {
  return map(g, words, [=](T value, uint32_t word) { return uniform(word) > fraction ? value : T{0}; });
}

/// g + deviation n; also on masked and frozen elements.
template <class T>
MURMUR_HD Quad<T> gradient_noise(const Quad<T>& g, T deviation, const Quad<float>& n) {
  return map(g, n, [=](T value, float normal) { return value + deviation * static_cast<T>(normal); });
}

}  // namespace murmur::noise
