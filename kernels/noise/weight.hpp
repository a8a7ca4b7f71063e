#pragma once

#include "engine/quad.hpp"

// Noise on weights.
namespace murmur::noise {

/// w + deviation n, persistent: it accumulates over updates.
template <class T>
MURMUR_HD Quad<T> weight_noise(const Quad<T>& w, T deviation, const Quad<float>& n) {
  return map(w, n, [=](T value, float normal) { return value + deviation * static_cast<T>(normal); });
}

/// A fresh weight: scale n.
template <class T>
MURMUR_HD Quad<T> initial_weight(T scale, const Quad<float>& n) {
  return {scale * static_cast<T>(n.v[0]), scale * static_cast<T>(n.v[1]), scale * static_cast<T>(n.v[2]),
          scale * static_cast<T>(n.v[3])};
}

}  // namespace murmur::noise
