#include "murmur/layers/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "murmur/techniques/learning_rate.hpp"

namespace murmur {
namespace {

// The study halves no batch below its default size, and doubles none beyond its largest.
constexpr double kSmallestBatch = 128;
constexpr double kLargestBatch = 1024;

/// The epochs from change to change.
int64_t interval_of(double magnitude, int64_t num_epochs) {
  return static_cast<int64_t>((1 - magnitude) * static_cast<double>(num_epochs)) + 1;
}

/// How often a schedule changes something: at the start of each epoch e > 0 with e mod interval = 0.
int64_t num_changes(int64_t interval, int64_t num_epochs) {
  return (num_epochs - 1) / interval;
}

double with_same_interval(double magnitude, int64_t source_epochs, int64_t target_epochs) {
  const double ratio = static_cast<double>(source_epochs) / static_cast<double>(target_epochs);
  return 1 - (1 - magnitude) * ratio;  // this form keeps 1 exactly
}

double with_same_number(double magnitude, int64_t source_epochs, int64_t target_epochs) {
  if (source_epochs == target_epochs) return magnitude;
  const int64_t source = interval_of(magnitude, source_epochs);
  const int64_t number = num_changes(source, source_epochs);
  if (number == 0) return 0;
  const auto distance = [&](int64_t interval) {
    return std::pair(std::abs(num_changes(interval, target_epochs) - number),
                     std::abs(interval * source_epochs - source * target_epochs));
  };
  int64_t best = target_epochs;  // changes nothing
  for (int64_t interval = 1; interval < target_epochs; ++interval) {
    if (distance(interval) < distance(best)) best = interval;
  }
  if (best == target_epochs) return 0;
  // In the middle of the schedules with this interval, where rounding cannot change it.
  return 1 - (static_cast<double>(best) - 0.5) / static_cast<double>(target_epochs);
}

/// Applies the changes of epochs 1 .. epoch one by one, because each is clamped.
double scheduled(double value, double schedule, double low, double high, int64_t epoch, int64_t num_epochs) {
  if (schedule == 0) return value;
  low = std::min(low, value);
  high = std::max(high, value);
  const int64_t interval = interval_of(std::abs(schedule), num_epochs);
  for (int64_t e = interval; e <= epoch; e += interval) {
    const double next = std::clamp(schedule > 0 ? value * 2 : value / 2, low, high);
    if (next == value) break;  // at its bound, where it stays
    value = next;
  }
  return value;
}

}  // namespace

EpochValues scheduled_values(const Setting& setting, int64_t epoch, int64_t num_epochs, LossReduction reduction) {
  const LearningRateRange range = learning_rate_range(reduction);
  return {scheduled(setting[Technique::kLearningRate], setting[Technique::kLearningRateSchedule], range.low, range.high,
                    epoch, num_epochs),
          scheduled(setting[Technique::kBatchSize], setting[Technique::kBatchSizeSchedule], kSmallestBatch,
                    kLargestBatch, epoch, num_epochs)};
}

double rounded_batch_size(double batch_size, int64_t micro_batch) {
  const auto unit = static_cast<double>(micro_batch);
  return std::max(1.0, std::round(batch_size / unit)) * unit;
}

double transfer_schedule(double schedule, int64_t source_epochs, int64_t target_epochs, ScheduleTransfer transfer) {
  if (schedule == 0) return 0;
  const double magnitude = transfer == ScheduleTransfer::kNumber
                               ? with_same_number(std::abs(schedule), source_epochs, target_epochs)
                               : with_same_interval(std::abs(schedule), source_epochs, target_epochs);
  return magnitude > 0 ? std::copysign(magnitude, schedule) : 0;
}

Setting transfer_schedules(Setting setting, int64_t source_epochs, int64_t target_epochs, ScheduleTransfer transfer) {
  for (const Technique id : {Technique::kLearningRateSchedule, Technique::kBatchSizeSchedule}) {
    setting.set(id, transfer_schedule(setting[id], source_epochs, target_epochs, transfer));
  }
  return setting;
}

}  // namespace murmur
