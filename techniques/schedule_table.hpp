#pragma once

#include <cstdint>

#include "murmur/techniques/noise_schedule.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// Places in a network's list, whose last is never taken. A round number: a GPU computes the list's place with fewer
/// registers.
inline constexpr int kMaxScheduled = (kNumTechniques + 16) / 16 * 16;

/// A technique of one network that follows a schedule, as kernels need it.
struct ScheduledTechnique {
  int32_t technique = -1;  // its number; -1: the list ends here
  float value = 0;         // what the factor multiplies
  float per_item = 0;      // 1 / samples of the whole training
  NoiseSchedule schedule{};

  /// The value in force in the update whose first sample is this item.
  MURMUR_HD float at(int64_t item, int64_t update) const {
    return value * schedule_factor(schedule, static_cast<float>(item) * per_item, update);
  }
};

/// The lists of all networks, [P][kMaxScheduled], and the table that they write to. Null: nothing is scheduled.
struct ScheduleTable {
  const ScheduledTechnique* lists = nullptr;
  float* values = nullptr;  // [technique][num_networks], of these networks
  int64_t num_networks = 0;

  /// Brings the table up to a network's next update.
  MURMUR_HD void enforce(int64_t network, int64_t item, int64_t update) const {
    if (lists == nullptr) return;
    const ScheduledTechnique* list = lists + network * kMaxScheduled;
    for (int i = 0; i < kMaxScheduled && list[i].technique >= 0; ++i) {
      values[list[i].technique * num_networks + network] = list[i].at(item, update);
    }
  }
  /// What the table will hold of a technique at that update; `now` if it follows no schedule.
  MURMUR_HD float ahead(Technique id, int64_t network, int64_t item, int64_t update, float now) const {
    if (lists == nullptr) return now;
    const ScheduledTechnique* list = lists + network * kMaxScheduled;
    for (int i = 0; i < kMaxScheduled && list[i].technique >= 0; ++i) {
      if (list[i].technique == static_cast<int32_t>(id)) return list[i].at(item, update);
    }
    return now;
  }
};

}  // namespace murmur
