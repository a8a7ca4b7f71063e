#pragma once

#include <cstdint>

#include "murmur/engine/target.hpp"

namespace murmur {

/// Samples of height x width x channels elements.
struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;

  MURMUR_HD constexpr int64_t elements() const { return height * width * channels; }
  constexpr bool operator==(const ImageSize&) const = default;
};

/// The largest image, in elements, that can be resampled or pooled.
inline constexpr int64_t kMaxElements = int64_t{1} << 22;

/// n / divisor for 0 <= n < kMaxElements, in float, which vectorises as integer division does not. Exact: n + 1/2 is,
/// and the two roundings add less than
/// (n + 1/2) 2^-23 / divisor, which is less than the 1/2 / divisor that are between the result and the next integer.
MURMUR_HD int32_t quotient(int32_t n, int32_t divisor) {
  return static_cast<int32_t>((static_cast<float>(n) + 0.5f) * (1.0f / static_cast<float>(divisor)));
}

/// The same with the reciprocal of a divisor that is used often: a GPU takes about nine instructions for one.
MURMUR_HD int32_t quotient(int32_t n, float reciprocal) {
  return static_cast<int32_t>((static_cast<float>(n) + 0.5f) * reciprocal);
}

}  // namespace murmur
