#include "murmur/pso/confirmation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "murmur/pso/analysis/statistics.hpp"
#include "murmur/pso/replay.hpp"
#include "tests/search/tiny_data.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

SearchDefinition confirmed_search() {
  SearchDefinition result;
  result.model = "flatten linear8 dropout linear";
  result.num_epochs = 2;
  result.micro_batch = 16;
  result.initialization = Initialization::kHe;
  result.seed = 3;
  result.abort_below = 0.3;
  result.base.set(Technique::kBatchSize, 16);
  result.base.set(Technique::kLearningRate, 0.1);
  result.space = SearchSpace({Technique::kDropout, Technique::kLearningRate});
  return result;
}

class ConfirmationTest : public testing::Test {
 protected:
  void add(double dropout, TrialState state, double value, double learning_rate = 0.1) {
    Setting setting = study_.base();
    setting.set(Technique::kDropout, dropout);
    setting.set(Technique::kLearningRate, learning_rate);
    const int64_t number = study_.begin_trial(TrialSeeds{3}.of(study_.num_trials()), study_.space().encode(setting));
    study_.finish_trial(number, {.state = state, .value = value});
  }
  std::optional<Confirmation> run(const ConfirmationOptions& options, int64_t stop_after = 1000) {
    TrainerOptions trainer;
    trainer.num_threads = 1;
    num_epochs_ = 0;
    return confirm(study_, confirmed_search(), tiny_data(), trainer, options,
                   [&](const TrainingsProgress&) { return ++num_epochs_ < stop_after; });
  }

  TemporaryFolder folder_;
  Study study_ = Study::create_or_open(folder_ / "s.db", study_definition(confirmed_search()));
  int64_t num_epochs_ = 0;  // of the last run
};

TEST_F(ConfirmationTest, TheBestTrialsAreCompleteAndDistinct) {
  add(0.1, TrialState::kComplete, 0.5);
  add(0.2, TrialState::kComplete, 0.9);
  add(0.2, TrialState::kComplete, 0.8);
  add(0, TrialState::kComplete, 0.95);  // the baseline itself
  add(0.3, TrialState::kPruned, 0.99);
  add(0.4, TrialState::kFail, kNan);
  add(0.25, TrialState::kComplete, 0.9);
  const auto numbers = [&](int64_t count) {
    std::vector<int64_t> result;
    for (const TrialRecord& trial : best_trials(study_, count)) result.push_back(trial.number);
    return result;
  };
  EXPECT_EQ(numbers(10), (std::vector<int64_t>{1, 6, 0}));
  EXPECT_EQ(numbers(2), (std::vector<int64_t>{1, 6}));
}

// What won by luck is behind what is good.
TEST_F(ConfirmationTest, RanksByTheMeanOfFreshSeeds) {
  add(0, TrialState::kComplete, 0.9, 0.02);
  add(0, TrialState::kComplete, 0.8, 0.09);
  const auto result = run({.count = 5, .repeats = 3, .num_epochs = 3, .num_slots = 4});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->num_epochs, 3);
  EXPECT_EQ(result->first_seed, 3 + (uint64_t{1} << 40) + (uint64_t{1} << 29));
  ASSERT_EQ(result->rows.size(), 2U);
  ASSERT_NE(result->winner(), nullptr);
  EXPECT_EQ(result->winner()->trial, 1) << testing::PrintToString(result->winner()->accuracies);
  EXPECT_EQ(result->winner()->validation_accuracy, 0.8);
  EXPECT_EQ(result->winner()->accuracies.size(), 3U);
  EXPECT_EQ(result->baseline.trial, -1);
  EXPECT_EQ(result->baseline.accuracies.size(), 3U);
  // By hand: on the training split, at the horizon, with the row's second seed.
  TrainerOptions options = trainer_options_of(confirmed_search(), {});
  options.num_networks = 1;
  PopulationTrainer trainer(parse_model(confirmed_search().model), tiny_data(), options);
  trainer.start(0, {result->first_seed + 1, result->winner()->setting, 3});
  for (int i = 0; i < 2; ++i) trainer.run_epoch();
  EXPECT_EQ(result->winner()->accuracies[1], trainer.run_epoch().front().validation_accuracy);
}

TEST_F(ConfirmationTest, StoppedItGoesOnAndIsNotRepeated) {
  add(0.1, TrialState::kComplete, 0.9);
  add(0.2, TrialState::kComplete, 0.8);
  const ConfirmationOptions options{.count = 2, .repeats = 2, .num_epochs = 3, .num_slots = 3};
  EXPECT_FALSE(run(options, 4)) << "three of six have ended";
  const auto rest = run(options);
  ASSERT_TRUE(rest);
  EXPECT_EQ(num_epochs_, 3) << "the other three at once";
  const auto again = run(options);
  EXPECT_EQ(num_epochs_, 0);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->rows[0].accuracies, rest->rows[0].accuracies);
  // Another horizon, or other trials, are other trainings; more repeats of the same are added.
  ASSERT_TRUE(run({.count = 2, .repeats = 3, .num_epochs = 3, .num_slots = 3}));
  EXPECT_EQ(num_epochs_, 3);
  ASSERT_TRUE(run({.count = 2, .repeats = 3, .num_epochs = 2, .num_slots = 9}));
  EXPECT_EQ(num_epochs_, 2);
  ASSERT_TRUE(run({.count = 1, .repeats = 3, .num_epochs = 2, .num_slots = 9}));
  EXPECT_EQ(num_epochs_, 2);
}

TEST_F(ConfirmationTest, AnUnstableSettingFallsOut) {
  add(0.1, TrialState::kComplete, 0.99, 1e-5);  // learns nothing
  add(0.1, TrialState::kComplete, 0.5);
  const auto result = run({.count = 2, .repeats = 3, .num_epochs = 4, .num_slots = 9});
  ASSERT_TRUE(result);
  ASSERT_NE(result->winner(), nullptr);
  EXPECT_EQ(result->winner()->trial, 1);
  EXPECT_EQ(result->rows[1].trial, 0);
  EXPECT_EQ(result->rows[1].fault, "3 of 3 trainings ended near chance");
}

TEST(Instability, IsDivergenceChanceOrFarBelowTheOthers) {
  EXPECT_EQ(instability({0.87, 0.86, 0.88}, 0.12), "");
  EXPECT_EQ(instability({0.87, kNan, 0.88}, 0.12), "1 of 3 trainings diverged");
  EXPECT_EQ(instability({0.1, 0.1, 0.88, 0.1}, 0.12), "3 of 4 trainings ended near chance");
  EXPECT_EQ(instability({0.87, 0.6, 0.88}, 0.12), "1 of 3 trainings ended far below the others");
  EXPECT_EQ(instability({0.87, 0.7, 0.88}, 0.12), "");
  EXPECT_EQ(instability({0.5}, 0.12), "");
}

TEST(Confirmation, WithoutAStableRowThereIsNoWinner) {
  Confirmation confirmation{6, 1, {-1, 0.8, {}, {0.8, 0.82}}, {}};
  EXPECT_EQ(confirmation.winner(), nullptr);
  EXPECT_FALSE(confirmation.beats_baseline());
  confirmation.rows.push_back({4, 0.9, {}, {0.81, 0.8}});
  EXPECT_EQ(confirmation.winner()->trial, 4);
  EXPECT_FALSE(confirmation.beats_baseline());
  confirmation.rows[0].accuracies = {0.82, 0.82};
  EXPECT_TRUE(confirmation.beats_baseline());
  confirmation.rows[0].fault = "1 of 2 trainings diverged";
  EXPECT_EQ(confirmation.winner(), nullptr);
}

}  // namespace
}  // namespace murmur
