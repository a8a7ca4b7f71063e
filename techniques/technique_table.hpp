#pragma once

#include <cstdint>
#include <vector>

#include "murmur/engine/target.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// The value at which a technique is off, as a kernel needs it: that of its row, without the row's names.
MURMUR_HD constexpr float off_value(Technique id) {
  switch (id) {
    case Technique::kInitScale:
      return 0.05f;
    case Technique::kLearningRate:
      return 1e-3f;
    case Technique::kBatchSize:
      return 128;
    default:
      return 0;
  }
}

/// A table on the host with every technique off, [technique][P]: what a program starts from that sets only some.
std::vector<float> table_of_off_values(int64_t num_networks);

/// The device table [technique][P] of the hyper-parameters in force. A null table means that everything is off
/// (evaluation).
struct TechniqueTable {
  const float* values = nullptr;
  int64_t num_networks = 0;

  MURMUR_HD float get(Technique id, int64_t network) const {
    return values == nullptr ? off_value(id) : values[static_cast<int64_t>(id) * num_networks + network];
  }
  /// [P], of a table that is not null.
  MURMUR_HD const float* row(Technique id) const { return values + static_cast<int64_t>(id) * num_networks; }
};

/// The 32-bit site of a random number: what it is for, and the layer it is for.
MURMUR_HD constexpr uint32_t make_site(Technique id, uint32_t layer) {
  return (static_cast<uint32_t>(id) << 24) | layer;
}

}  // namespace murmur
