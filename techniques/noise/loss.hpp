#pragma once

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

/// The factor N(1, sigma^2) on one sample's loss, and so on its gradient; may be negative.
MURMUR_HD float loss_factor(float sigma, uint64_t seed, int64_t item) {
  const Quad<float> n = normal(philox(static_cast<uint64_t>(item), make_site(Technique::kLossNoise, 0), 0, seed));
  return 1.0f + sigma * n.v[0];
}

}  // namespace murmur::noise
