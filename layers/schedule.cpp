#include "murmur/layers/schedule.hpp"

#include <algorithm>
#include <cmath>

#include "murmur/techniques/learning_rate.hpp"

namespace murmur {
namespace {

// The study halves no batch below its default size, and doubles none beyond its largest.
constexpr double kSmallestBatch = 128;
constexpr double kLargestBatch = 1024;

/// Applies the changes of epochs 1 .. epoch one by one, because each is clamped.
double scheduled(double value, double schedule, double low, double high, int64_t epoch, int64_t num_epochs) {
  if (schedule == 0) return value;
  low = std::min(low, value);
  high = std::max(high, value);
  const auto interval = static_cast<int64_t>((1 - std::abs(schedule)) * static_cast<double>(num_epochs)) + 1;
  for (int64_t e = interval; e <= epoch; e += interval) {
    value = std::clamp(schedule > 0 ? value * 2 : value / 2, low, high);
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

double transfer_schedule(double schedule, int64_t source_epochs, int64_t target_epochs) {
  if (schedule == 0) return 0;
  const double ratio = static_cast<double>(source_epochs) / static_cast<double>(target_epochs);
  const double magnitude = 1 - (1 - std::abs(schedule)) * ratio;  // this form keeps 1 exactly
  return magnitude > 0 ? std::copysign(magnitude, schedule) : 0;
}

Setting transfer_schedules(Setting setting, int64_t source_epochs, int64_t target_epochs) {
  for (const Technique id : {Technique::kLearningRateSchedule, Technique::kBatchSizeSchedule}) {
    setting.set(id, transfer_schedule(setting[id], source_epochs, target_epochs));
  }
  return setting;
}

}  // namespace murmur
