#include <gtest/gtest.h>

#include "tests/support/training.hpp"

// What follows a schedule, in whole trainings.
namespace murmur {
namespace {

class ScheduledTest : public ::testing::TestWithParam<Device> {
 protected:
  void SetUp() override { MURMUR_NEED_DEVICE(GetParam()); }

  /// Training accuracies and losses after each of four epochs.
  test::Outcome run(double dropout, const NoiseSchedule& schedule) const {
    Trial trial = test::kBaseline.trial(11);
    trial.num_epochs = 4;
    trial.setting.set(Technique::kDropout, dropout);
    trial.setting.set_schedule(Technique::kDropout, schedule);
    PopulationTrainer trainer = test::make_trainer(test::small_options(GetParam(), 1));
    return test::run_trials(trainer, {trial}, 4).front();
  }
};
MURMUR_ON_EVERY_DEVICE(ScheduledTest);

/// The epochs, from the first on, in which two trainings have the same losses.
int same_epochs(const test::Outcome& a, const test::Outcome& b) {
  int count = 0;
  while (count < 4 &&
         a.results[static_cast<size_t>(count)].train_loss == b.results[static_cast<size_t>(count)].train_loss) {
    ++count;
  }
  return count;
}

TEST_P(ScheduledTest, EarlyIsConstantAndThenOff) {
  const test::Outcome constant = run(0.4, {});
  const test::Outcome off = run(0, {});
  const test::Outcome early = run(0.4, {ScheduleShape::kEarly, 0.5F});
  EXPECT_EQ(same_epochs(early, constant), 2);
  EXPECT_EQ(same_epochs(early, off), 0);
  EXPECT_TRUE(test::same_bits(run(0.4, {ScheduleShape::kEarly, 1}).weights, constant.weights));
}

TEST_P(ScheduledTest, LateIsOffAndThenConstant) {
  const test::Outcome constant = run(0.4, {});
  const test::Outcome off = run(0, {});
  const test::Outcome late = run(0.4, {ScheduleShape::kLate, 0.75F});
  EXPECT_EQ(same_epochs(late, off), 3);
  EXPECT_EQ(same_epochs(late, constant), 0);
}

TEST_P(ScheduledTest, AScheduleThatStaysAtOneIsConstant) {
  const test::Outcome constant = run(0.4, {});
  EXPECT_TRUE(test::same_bits(run(0.4, {ScheduleShape::kLinear, 1, 1}).weights, constant.weights));
  EXPECT_TRUE(test::same_bits(run(0.4, {ScheduleShape::kDecay, 0}).weights, constant.weights));
  EXPECT_FALSE(test::same_bits(run(0.4, {ScheduleShape::kLinear, 1, 0.9F}).weights, constant.weights));
}

// A slot whose trial has a schedule is taken over by one that has none.
TEST_P(ScheduledTest, ASlotForgetsTheScheduleOfItsLastTrial) {
  const auto trial_of = [](uint64_t seed, const NoiseSchedule& schedule) {
    Trial trial = test::kBaseline.trial(seed);
    trial.setting.set(Technique::kDropout, 0.4);
    trial.setting.set_schedule(Technique::kDropout, schedule);
    return trial;
  };
  const test::Outcome alone = test::run_trial(test::small_options(GetParam(), 1), trial_of(5, {}));
  PopulationTrainer trainer = test::make_trainer(test::small_options(GetParam(), 2));
  trainer.start(0, trial_of(5, {}));
  trainer.start(1, trial_of(3, {ScheduleShape::kLinear, 0, 1}));
  trainer.run_epoch();
  trainer.stop(1);
  trainer.start(1, trial_of(5, {}));
  for (int epoch = 0; epoch < 3; ++epoch) trainer.run_epoch();
  EXPECT_TRUE(
      test::all_near(test::weights_of(trainer, 1), alone.weights, test::device_tolerance(GetParam(), trial_of(5, {}))));
}

}  // namespace
}  // namespace murmur
