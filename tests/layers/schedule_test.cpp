#include "murmur/layers/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace murmur {
namespace {

std::vector<double> rates(double rate, double schedule, int64_t num_epochs,
                          LossReduction reduction = LossReduction::kSum) {
  Setting setting;
  setting.set(Technique::kLearningRate, rate);
  setting.set(Technique::kLearningRateSchedule, schedule);
  std::vector<double> result;
  for (int64_t e = 0; e < num_epochs; ++e) {
    result.push_back(scheduled_values(setting, e, num_epochs, reduction).learning_rate);
  }
  return result;
}

std::vector<double> batch_sizes(double size, double schedule, int64_t num_epochs) {
  Setting setting;
  setting.set(Technique::kBatchSize, size);
  setting.set(Technique::kBatchSizeSchedule, schedule);
  std::vector<double> result;
  for (int64_t e = 0; e < num_epochs; ++e) {
    result.push_back(scheduled_values(setting, e, num_epochs, LossReduction::kSum).batch_size);
  }
  return result;
}

TEST(Schedule, ZeroNeverChanges) {
  EXPECT_EQ(rates(0.01, 0, 5), std::vector<double>(5, 0.01));
  EXPECT_EQ(batch_sizes(300, 0, 5), std::vector<double>(5, 300));
}

// I = int((1 - |s|) E) + 1.
TEST(Schedule, ChangesEveryInterval) {
  EXPECT_EQ(rates(0.016, -0.5, 6), (std::vector<double>{0.016, 0.016, 0.016, 0.016, 0.008, 0.008}));         // I = 4
  EXPECT_EQ(rates(0.016, -0.75, 8), (std::vector<double>{.016, .016, .016, .008, .008, .008, .004, .004}));  // I = 3
  EXPECT_EQ(rates(0.001, 1, 4), (std::vector<double>{0.001, 0.002, 0.004, 0.008}));                          // I = 1
  EXPECT_EQ(batch_sizes(128, 1, 3), (std::vector<double>{128, 256, 512}));
  EXPECT_EQ(batch_sizes(1024, -1, 3), (std::vector<double>{1024, 512, 256}));
}

TEST(Schedule, StaysInItsRange) {
  EXPECT_EQ(rates(0.06, 1, 4), (std::vector<double>{0.06, 0.1, 0.1, 0.1}));
  EXPECT_EQ(rates(4e-5, -1, 5), (std::vector<double>{4e-5, 2e-5, 1e-5, 1e-5, 1e-5}));
  EXPECT_EQ(rates(0.3, 1, 4, LossReduction::kMean), (std::vector<double>{0.3, 0.6, 1, 1}));
  EXPECT_EQ(rates(4e-4, -1, 4, LossReduction::kMean), (std::vector<double>{4e-4, 2e-4, 1e-4, 1e-4}));
  EXPECT_EQ(batch_sizes(300, 1, 4), (std::vector<double>{300, 600, 1024, 1024}));
  EXPECT_EQ(batch_sizes(300, -1, 4), (std::vector<double>{300, 150, 128, 128}));
}

// A checkpoint may say any number of epochs: what stays at its bound is not computed for each of them.
TEST(Schedule, TakesNoTimeForManyEpochs) {
  constexpr int64_t kMany = int64_t{1} << 53;
  Setting setting;
  setting.set(Technique::kBatchSizeSchedule, 1);
  EXPECT_EQ(scheduled_values(setting, kMany, kMany, LossReduction::kMean).batch_size, 1024);
}

// A batch below the study's range is a user's wish: it may grow, and does not jump.
TEST(Schedule, ABatchBelowTheRangeStays) {
  EXPECT_EQ(batch_sizes(32, -1, 3), (std::vector<double>{32, 32, 32}));
  EXPECT_EQ(batch_sizes(32, 1, 3), (std::vector<double>{32, 64, 128}));
}

TEST(Schedule, ABatchIsWholeMicroBatches) {
  EXPECT_EQ(rounded_batch_size(200, 128), 256);
  EXPECT_EQ(rounded_batch_size(191, 128), 128);
  EXPECT_EQ(rounded_batch_size(20, 128), 128);
  EXPECT_EQ(rounded_batch_size(200, 100), 200);
}

using enum ScheduleTransfer;

int changes(double schedule, int64_t num_epochs) {
  const std::vector<double> values = rates(1e-3, schedule, num_epochs);
  int count = 0;
  for (size_t i = 1; i < values.size(); ++i) count += values[i] != values[i - 1] ? 1 : 0;
  return count;
}

TEST(Schedule, TransferIsTheFormula) {
  EXPECT_EQ(transfer_schedule(0, 20, 50, kInterval), 0);
  EXPECT_DOUBLE_EQ(transfer_schedule(0.5, 20, 50, kInterval), 0.5 * 0.4 + 1 - 0.4);
  EXPECT_DOUBLE_EQ(transfer_schedule(-0.5782, 20, 50, kInterval), -(0.5782 * 0.4 + 0.6));
  EXPECT_DOUBLE_EQ(transfer_schedule(0.3, 20, 20, kInterval), 0.3);
  EXPECT_EQ(transfer_schedule(1, 20, 50, kInterval), 1);  // exactly: 1 is the end of the range
}

// The interval in epochs stays what it was (where (1 - |s|) E is no whole number, which rounding may take either way).
TEST(Schedule, TransferKeepsTheInterval) {
  for (const double schedule : {-0.87, -0.52, 0.33, 0.71}) {
    const auto first_change = [](double s, int64_t epochs) {
      const std::vector<double> values = rates(1e-3, s, epochs);
      return std::ranges::find_if(values, [](double v) { return v != 1e-3; }) - values.begin();
    };
    EXPECT_EQ(first_change(transfer_schedule(schedule, 20, 50, kInterval), 50), first_change(schedule, 20)) << schedule;
  }
}

TEST(Schedule, TransferToAShorterTrainingThatNeverChangesIsOff) {
  EXPECT_EQ(changes(0.1, 20), 1);                           // at epoch 19
  EXPECT_EQ(transfer_schedule(0.1, 20, 10, kInterval), 0);  // of 10 epochs: never
  EXPECT_EQ(transfer_schedule(-0.1, 20, 10, kInterval), 0);
  EXPECT_GT(transfer_schedule(0.9, 20, 10, kInterval), 0);
  EXPECT_LT(transfer_schedule(-0.9, 20, 10, kInterval), 0);
}

// Counted in the values themselves, which is the definition: all numbers of changes that a whole interval can have.
TEST(Schedule, TransferKeepsTheNumberOfChanges) {
  for (const double schedule : {0.04, 0.1, 0.33, 0.5, 0.5782, 0.71, 0.8, 0.87}) {
    const int number = changes(schedule, 20);
    for (const int64_t epochs : {50, 97, 200}) {
      EXPECT_EQ(changes(transfer_schedule(schedule, 20, epochs, kNumber), epochs), number) << schedule << " " << epochs;
      EXPECT_EQ(transfer_schedule(-schedule, 20, epochs, kNumber), -transfer_schedule(schedule, 20, epochs, kNumber));
    }
  }
  EXPECT_EQ(changes(transfer_schedule(0.5782, 20, 50, kInterval), 50), 5) << "where the interval stays 9 epochs";
  EXPECT_EQ(changes(0.5782, 20), 2);
}

TEST(Schedule, TransferOfTheNumberKeepsThePlacesInTheTraining) {
  // 20 epochs: at 9 and 18. 50 epochs: 22.5 and 45, so 22 and 44.
  const std::vector<double> values = rates(1e-3, transfer_schedule(0.5782, 20, 50, kNumber), 50);
  EXPECT_EQ(values[21], 1e-3);
  EXPECT_EQ(values[22], 2e-3);
  EXPECT_EQ(values[43], 2e-3);
  EXPECT_EQ(values[44], 4e-3);
}

TEST(Schedule, TransferOfANumberThatNoIntervalHasTakesTheNearest) {
  EXPECT_EQ(changes(0.99, 7), 6);  // 20 epochs can have 9, 6 or 4
  EXPECT_EQ(changes(transfer_schedule(0.99, 7, 20, kNumber), 20), 6);
  EXPECT_EQ(changes(0.99, 8), 7);
  EXPECT_EQ(changes(transfer_schedule(0.99, 8, 20, kNumber), 20), 6);
  EXPECT_EQ(changes(transfer_schedule(0.99, 8, 4, kNumber), 4), 3) << "as many as 4 epochs can have";
  EXPECT_EQ(transfer_schedule(0.6, 20, 1, kNumber), 0);
  EXPECT_EQ(transfer_schedule(-0.3, 20, 20, kNumber), -0.3) << "nothing to transfer";
  EXPECT_EQ(transfer_schedule(0, 20, 50, kNumber), 0);
  EXPECT_EQ(transfer_schedule(0.01, 20, 50, kNumber), 0) << "never changes in 20 epochs";
}

TEST(Schedule, BothSchedulesOfASettingAreTransferred) {
  Setting setting;
  setting.set(Technique::kLearningRateSchedule, -0.6);
  setting.set(Technique::kBatchSizeSchedule, 0.3);
  const Setting transferred = transfer_schedules(setting, 20, 50, kInterval);
  EXPECT_EQ(transferred[Technique::kLearningRateSchedule], transfer_schedule(-0.6, 20, 50, kInterval));
  EXPECT_EQ(transferred[Technique::kBatchSizeSchedule], transfer_schedule(0.3, 20, 50, kInterval));
  EXPECT_NE(transfer_schedules(setting, 20, 50, kNumber), transferred);
}

}  // namespace
}  // namespace murmur
