#pragma once

#include "murmur/engine/random/distributions.hpp"

// Noise on weights.
namespace murmur::noise {

/// w + deviation n, persistent: it accumulates over updates.
template <class T>
MURMUR_HD T weight_noise(T w, T deviation, float n) {
  return w + deviation * static_cast<T>(n);
}

/// The weight that the passes of one update see, w' = (w + sigma_a n_a) (1 + sigma_m n_m) m / (1 - p), m = 1[U > p].
/// The gradient of w is that of w' times `slope`, the same factor without the sum. Source: Wan et al. 2013
/// (DropConnect, here in the inverted form); Jim, Giles & Horne 1996 (additive and
///         multiplicative synaptic noise).
template <class T>
MURMUR_HD T transient_slope(T factor, float n) {
  return T{1} + factor * static_cast<T>(n);
}

template <class T>
MURMUR_HD T dropconnect(T w, float probability, T scale, uint32_t word) {
  return uniform(word) > probability ? w * scale : T{0};
}

/// A fresh weight: scale n.
template <class T>
MURMUR_HD T initial_weight(T scale, float n) {
  return scale * static_cast<T>(n);
}

}  // namespace murmur::noise
