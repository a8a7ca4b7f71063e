#include "murmur/pso/trainings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"
#include "tests/search/tiny_data.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;

constexpr const char* kName = "analysis: test";

SearchDefinition trained_search() {
  SearchDefinition definition;
  definition.dataset = "tiny";
  definition.image_size = "4x4";
  definition.model = "flatten linear8 dropout linear";
  definition.num_epochs = 3;
  definition.micro_batch = 16;
  definition.initialization = Initialization::kHe;
  definition.base.set(Technique::kBatchSize, 16);
  return definition;
}

/// Different settings, of which one learns nothing.
std::vector<Training> trainings(size_t count) {
  std::vector<Training> result;
  for (size_t i = 0; i < count; ++i) {
    Setting setting = trained_search().base;
    setting.set(Technique::kDropout, 0.05 * static_cast<double>(i));
    if (i == 2) setting.set(Technique::kFrozenFraction, 1);
    result.push_back({setting, 100 + i});
  }
  return result;
}

struct Trained {
  std::optional<std::vector<TrainingOutcome>> outcomes;
  int64_t num_epochs = 0;  // that were trained, of all slots together
};

/// Stops after `stop_after` epochs.
Trained run(const TemporaryFolder& folder, const std::vector<Training>& list, const TrainingsOptions& options,
            int64_t stop_after = 1000) {
  Study study = Study::create_or_open(folder.path() / "s.db", study_definition(trained_search()));
  TrainerOptions trainer;
  trainer.num_threads = 1;
  Trained result;
  result.outcomes = run_trainings(study, kName, trained_search(), tiny_data(), trainer, list, options,
                                  [&](const TrainingsProgress&) { return ++result.num_epochs < stop_after; });
  return result;
}

void expect_same(const std::vector<TrainingOutcome>& a, const std::vector<TrainingOutcome>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].validation_accuracy, b[i].validation_accuracy) << i;
    EXPECT_EQ(a[i].num_epochs, b[i].num_epochs) << i;
  }
}

TEST(Trainings, WithoutAStudyTheyAreTheSame) {
  const TemporaryFolder folder;
  const Trained kept = run(folder, trainings(7), {3, 3, 0});
  const auto others = run_trainings(trained_search(), tiny_data(), TrainerOptions{}, trainings(7), {3, 2, 0});
  ASSERT_TRUE(kept.outcomes && others);
  expect_same(*others, *kept.outcomes);
  const auto stopped = run_trainings(trained_search(), tiny_data(), TrainerOptions{}, trainings(7), {3, 2, 0},
                                     [](const TrainingsProgress&) { return false; });
  EXPECT_FALSE(stopped);
}

TEST(Trainings, AreThoseOfEachAlone) {
  const TemporaryFolder folder;
  const Trained all = run(folder, trainings(7), {3, 3, 0});
  ASSERT_TRUE(all.outcomes);
  EXPECT_EQ(all.num_epochs, 9);  // seven trainings in three slots
  for (size_t i = 0; i < 7; ++i) {
    TrainerOptions options = trainer_options_of(trained_search(), {});
    options.num_threads = 1;
    PopulationTrainer trainer(parse_model(trained_search().model), tiny_data(), options);
    trainer.start(0, {trainings(7)[i].seed, trainings(7)[i].setting, 3});
    std::vector<EpochResult> results;
    for (int epoch = 0; epoch < 3; ++epoch) results = trainer.run_epoch();
    EXPECT_EQ((*all.outcomes)[i].validation_accuracy, results[0].validation_accuracy) << i;
    EXPECT_EQ((*all.outcomes)[i].num_epochs, 3);
  }
}

TEST(Trainings, StoppedTheyGoOn) {
  const TemporaryFolder whole, stopped;
  const Trained all = run(whole, trainings(7), {3, 3, 0});
  const Trained first = run(stopped, trainings(7), {3, 3, 0}, 4);  // three have ended
  EXPECT_FALSE(first.outcomes);
  const Trained rest = run(stopped, trainings(7), {3, 2, 0});  // four are left, in two slots
  ASSERT_TRUE(rest.outcomes);
  EXPECT_EQ(rest.num_epochs, 6);
  expect_same(*rest.outcomes, *all.outcomes);
  const Trained again = run(stopped, trainings(7), {3, 2, 0});
  EXPECT_EQ(again.num_epochs, 0);
  expect_same(*again.outcomes, *all.outcomes);
}

TEST(Trainings, MoreOfThemGoOnAndOthersStartAnew) {
  const TemporaryFolder folder;
  const Trained few = run(folder, trainings(4), {3, 4, 0});
  const Trained more = run(folder, trainings(6), {3, 4, 0});
  EXPECT_EQ(more.num_epochs, 3);
  expect_same(*few.outcomes, {more.outcomes->begin(), more.outcomes->begin() + 4});
  EXPECT_EQ(run(folder, trainings(4), {3, 4, 0}).num_epochs, 0);
  std::vector<Training> others = trainings(4);
  others[1].seed = 7;
  EXPECT_EQ(run(folder, others, {3, 4, 0}).num_epochs, 3);
  EXPECT_EQ(run(folder, others, {2, 4, 0}).num_epochs, 2);
}

TEST(Trainings, WhatLearnsNothingIsAborted) {
  const TemporaryFolder folder;
  const Trained all = run(folder, trainings(4), {3, 4, 0.3});
  const TrainingOutcome& frozen = (*all.outcomes)[2];
  EXPECT_EQ(frozen.num_epochs, 1);
  EXPECT_LT(frozen.validation_accuracy, 0.3);
}

TEST(Trainings, WhatWasEditedIsRefused) {
  using nlohmann::json;
  const TemporaryFolder folder;
  run(folder, trainings(2), {1, 2, 0});
  const json options{{"epochs", 1}, {"abort_below", 0.0}};
  for (const json& value : {json("text"), json{{"options", options}, {"trainings", 3}, {"outcomes", json::array()}},
                            json{{"options", options}, {"trainings", json::array()}, {"outcomes", {{0, 1}}}},
                            json{{"options", options}, {"trainings", json::array()}, {"outcomes", {{-1, 1, 0.5}}}},
                            json{{"options", options}, {"trainings", json::array()}, {"outcomes", {{0, 1, "x"}}}}}) {
    Study::create_or_open(folder.path() / "s.db", study_definition(trained_search())).set_attribute(kName, value);
    EXPECT_THROW(run(folder, trainings(2), {1, 2, 0}), StudyError) << value;
  }
}

}  // namespace
}  // namespace murmur
