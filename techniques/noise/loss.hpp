#pragma once

#include "murmur/engine/math.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/techniques/technique_table.hpp"

// Noise on targets and losses.
namespace murmur::noise {

/// The smoothed target y (1 - alpha) + alpha / K of one class.
template <class T>
MURMUR_HD T smooth_target(bool is_label, T alpha, T one_over_classes) {
  return (is_label ? T{1} - alpha : T{0}) + alpha * one_over_classes;
}

/// The smoothed target of a class where a sample has two labels, the first with weight `share`.
template <class T>
MURMUR_HD T mixed_target(bool is_first, bool is_second, T share, T alpha, T one_over_classes) {
  const T whole = (is_first ? share : T{0}) + (is_second ? T{1} - share : T{0});
  return whole * (T{1} - alpha) + alpha * one_over_classes;
}

/// The factor (1 - s) + s E, E ~ Exp(1), on one sample's loss. Its mean is 1, and its variance s^2. Source: s = 1 are
/// the weights of the weighted likelihood bootstrap, Newton & Raftery 1994.
MURMUR_HD float exponential_factor(float share, uint64_t seed, int64_t item) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item), make_site(Technique::kExponentialLoss, 0), 0, seed);
  return 1.0f - share - share * logarithm(uniform(words.v[0]));
}

/// The factor m / (1 - p), m = 1[U > p], on one sample's loss.
MURMUR_HD float loss_dropout_factor(float probability, uint64_t seed, int64_t item) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item), make_site(Technique::kLossDropout, 0), 0, seed);
  return uniform(words.v[0]) > probability ? 1.0f / (1.0f - probability) : 0.0f;
}

/// z + sigma n of one class, before the softmax.
template <class T>
MURMUR_HD T logit_noise(T z, T sigma, float n) {
  return z + sigma * static_cast<T>(n);
}

/// The factor N(1, sigma^2) on one sample's loss, and so on its gradient; may be negative.
MURMUR_HD float loss_factor(float sigma, uint64_t seed, int64_t item) {
  const Quad<float> n = normal(philox(static_cast<uint64_t>(item), make_site(Technique::kLossNoise, 0), 0, seed));
  return 1.0f + sigma * n.v[0];
}

}  // namespace murmur::noise
