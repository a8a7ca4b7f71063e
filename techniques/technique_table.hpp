#pragma once

#include <cstdint>

#include "murmur/engine/target.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// The device table [technique][P] of the hyper-parameters in force. A null table means that all noise is off
/// (evaluation).
struct TechniqueTable {
  const float* values = nullptr;
  int64_t num_networks = 0;

  MURMUR_HD float get(Technique id, int64_t network) const {
    return values == nullptr ? 0.0f : values[static_cast<int64_t>(id) * num_networks + network];
  }
};

/// The 32-bit site of a random number: what it is for, and the layer it is for.
MURMUR_HD constexpr uint32_t make_site(Technique id, uint32_t layer) {
  return (static_cast<uint32_t>(id) << 24) | layer;
}

}  // namespace murmur
