#pragma once

#include <cstdint>

#include "murmur/techniques/definitions.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// The hyper-parameters in force in one epoch: those of the setting, with the two schedules applied.
/// A schedule s multiplies by 2 (s > 0) or divides by 2 (s < 0) at the start of epoch e > 0 with e mod I = 0, where
/// I = int((1 - |s|) E) + 1; the learning rate stays in its `learning_rate_range`, the batch size in 128 to 1024 (or
/// what they started from, where that is outside). Source: the published code of Altarabichi et al. 2024 (Information
/// Sciences 667).
struct EpochValues {
  double learning_rate;
  double batch_size;
};
EpochValues scheduled_values(const Setting& setting, int64_t epoch, int64_t num_epochs, LossReduction reduction);

/// What an update has of a batch size: the nearest multiple of the micro-batch, and at least one of it.
double rounded_batch_size(double batch_size, int64_t micro_batch);

/// The schedule for `target_epochs` E_t of training that does as `schedule` s did in `source_epochs` E_s. 0 stays 0,
/// and what would never change becomes 0. kInterval: the same interval in epochs, so that more epochs change more
/// often: s' = sign(s) (|s| E_s / E_t + 1 - E_s / E_t). Source: the study. kNumber: the same number of changes, at the
/// same places of the training: of the whole intervals I with as many changes in E_t epochs (or, where none has, the
/// number nearest to it), that nearest to I_s E_t / E_s.
double transfer_schedule(double schedule, int64_t source_epochs, int64_t target_epochs, ScheduleTransfer transfer);

/// The setting for `target_epochs` of a training, where its two schedules were made for `source_epochs`.
Setting transfer_schedules(Setting setting, int64_t source_epochs, int64_t target_epochs, ScheduleTransfer transfer);

}  // namespace murmur
