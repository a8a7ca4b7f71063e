#pragma once

#include "engine/target.hpp"

// Noise on weights.
namespace murmur::noise {

/// w + deviation n, persistent: it accumulates over updates.
template <class T>
MURMUR_HD T weight_noise(T w, T deviation, float n) {
  return w + deviation * static_cast<T>(n);
}

/// A fresh weight: scale n.
template <class T>
MURMUR_HD T initial_weight(T scale, float n) {
  return scale * static_cast<T>(n);
}

}  // namespace murmur::noise
