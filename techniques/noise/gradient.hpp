#pragma once

#include <cmath>
#include <cstdint>

#include "murmur/engine/math.hpp"
#include "murmur/engine/random/distributions.hpp"

// Noise on gradients, applied once an update, in this order: clipping, dropout, mask, frozen mask, multiplicative
// noise, noise.
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

/// What brings a gradient of this L2 norm down to the largest allowed: min(1, largest / norm). A norm that is not
/// finite is left to show. Source: Pascanu et al. 2013.
template <class T>
MURMUR_HD T clipping_factor(T norm, T largest) {
  return norm > largest ? largest / norm : T{1};
}

/// g m / (1 - p), m = 1[U > p], fresh every update: its mean is g.
template <class T>
MURMUR_HD T gradient_mask(T g, float probability, T scale, uint32_t word) {
  return uniform(word) > probability ? g * scale : T{0};
}

/// g (1 + sigma n).
template <class T>
MURMUR_HD T multiplicative_gradient_noise(T g, T sigma, float n) {
  return g * (T{1} + sigma * static_cast<T>(n));
}

/// What a step has made of a weight, or what it was, with probability p. The optimizer's moments have moved all the
/// same. Source: Lin et al. 2019 (learning rate dropout).
template <class T>
MURMUR_HD T update_dropout(T after, T before, float probability, uint32_t word) {
  return uniform(word) > probability ? after : before;
}

/// The deviation of the noise that makes an update a step of Langevin dynamics: w -= r g + sqrt(2 r / N) n samples, for
/// a small r, from exp(-N mean loss). Source: Welling & Teh 2011, whose step epsilon is 2 r / N.
template <class T>
MURMUR_HD T langevin_deviation(T rate, int64_t num_samples) {
  return square_root(T{2} * rate / static_cast<T>(num_samples));
}

/// g + deviation n; also on masked and frozen elements.
template <class T>
MURMUR_HD T gradient_noise(T g, T deviation, float n) {
  return g + deviation * static_cast<T>(n);
}

}  // namespace murmur::noise
