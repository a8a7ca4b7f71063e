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

}  // namespace murmur
