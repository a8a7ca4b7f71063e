#include "murmur/pso/final_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/pso/replay.hpp"
#include "tests/search/tiny_data.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

SearchDefinition tested_search() {
  SearchDefinition result;
  result.model = "flatten linear8 linear";
  result.num_epochs = 2;
  result.micro_batch = 16;
  result.initialization = Initialization::kHe;
  result.seed = 3;
  result.base.set(Technique::kBatchSize, 16);
  result.base.set(Technique::kLearningRate, 0.05);
  result.space = SearchSpace({Technique::kDropout});
  return result;
}

class FinalTestTest : public testing::Test {
 protected:
  FinalTestTest() {
    for (const double dropout : {0.1, 0.2, 0.3}) {
      const int64_t number = study_.begin_trial(TrialSeeds{3}.of(study_.num_trials()), std::vector{dropout});
      study_.finish_trial(number, {.value = dropout == 0.2 ? 0.9 : 0.5});
    }
    study_.set_attribute("baseline", {{"validation_accuracy", 0.25}, {"seed", "3"}, {"ended", 2}});
  }
  FinalTest run() {
    TrainerOptions options;
    options.num_threads = 1;
    return *final_test(study_, tested_search(), tiny_data(), options, study_.trial(1), {.repeats = 2},
                       [this](int64_t, int64_t, int64_t) { return ++num_epochs_ > 0; });
  }

  TemporaryFolder folder_;
  Study study_ = Study::create_or_open(folder_ / "s.db", study_definition(tested_search()));
  int64_t num_epochs_ = 0;  // trained so far
};

TEST_F(FinalTestTest, TrainsTheTrialAndTheBaselineOnTrainAndValidationOnce) {
  const FinalTest test = run();
  EXPECT_EQ(test.baseline.trial, -1);
  EXPECT_EQ(test.baseline.validation_accuracy, 0.25);
  EXPECT_EQ(test.winner.trial, 1);
  EXPECT_EQ(test.winner.validation_accuracy, 0.9);
  EXPECT_EQ(test.winner.setting[Technique::kDropout], 0.2);
  EXPECT_EQ(test.first_seed, 3 + (uint64_t{1} << 40));
  EXPECT_EQ(num_epochs_, 2);
  // The same as by hand, with no validation set held back.
  TrainerOptions options = trainer_options_of(tested_search(), {});
  options.num_networks = 1;
  TrainingData data = tiny_data();
  data.training = {0, 720};
  data.validation = {};
  PopulationTrainer trainer(parse_model(tested_search().model), data, options);
  trainer.start(0, {test.first_seed + 1, test.winner.setting, 2});
  trainer.run_epoch();
  trainer.run_epoch();
  EXPECT_EQ(test.winner.test_accuracies.at(1), trainer.evaluate_test()[0].accuracy);
  // What the study knows is not trained again.
  const FinalTest again = run();
  EXPECT_EQ(num_epochs_, 2);
  EXPECT_EQ(again.winner.test_accuracies, test.winner.test_accuracies);
  EXPECT_EQ(again.difference().num_pairs, 2);
}

TEST_F(FinalTestTest, MalformedResultsAreTheStudysFault) {
  run();
  const json good = study_.attributes().at("final_test");
  const auto expect_refused = [&](const json& value, const char* words) {
    study_.set_attribute("final_test", value);
    EXPECT_THAT([&] { run(); }, ThrowsMessage<StudyError>(AllOf(HasSubstr("s.db"), HasSubstr(words))));
  };
  expect_refused(3, "final_test: expected an object, got 3");
  expect_refused(json::array({1}), "final_test: expected an object, got [1]");
  const auto with = [&](const json& accuracies) {
    json value = good;
    value["test_accuracies"] = accuracies;
    return value;
  };
  expect_refused(with(nullptr), "expected test_accuracies = an array, got null");
  expect_refused(with(json::array()), "expected test_accuracies = an array for each trial");
  expect_refused(with({1, 2}), "expected test_accuracies = an accuracy for each training");
  expect_refused(with({{1}, {1}}), "expected test_accuracies = an accuracy for each training");
  expect_refused(with({{1, 1}, {"x", 1}}), "expected test_accuracies = numbers, or null");
  study_.set_attribute("final_test", with({{0.5, nullptr}, {1, 1}}));
  EXPECT_TRUE(std::isnan(run().baseline.test_accuracies[1]));
  study_.set_attribute("final_test", {{"key", "another"}});
  EXPECT_EQ(run().winner.test_accuracies.size(), 2u) << "a final test of another key is made anew";
}

TEST_F(FinalTestTest, StoppedItStoresNothing) {
  TrainerOptions options;
  options.num_threads = 1;
  EXPECT_FALSE(final_test(study_, tested_search(), tiny_data(), options, study_.trial(1), {.repeats = 2},
                          [](int64_t, int64_t, int64_t) { return false; }));
  EXPECT_FALSE(study_.attributes().contains("final_test"));
}

TEST(BaselineName, IsAllOffOnlyWhereAllIsOff) {
  SearchDefinition definition;
  definition.base.set(Technique::kLearningRate, 0.1);  // the default one of the mean loss
  EXPECT_EQ(baseline_name(definition), "all off");
  definition.base.set(Technique::kLearningRate, 0.3);
  EXPECT_EQ(baseline_name(definition), "the baseline");
  definition.definitions = Definitions::paper();
  definition.base.set(Technique::kLearningRate, 1e-3);
  EXPECT_EQ(baseline_name(definition), "all off");
  definition.base.set(Technique::kDropout, 0.1);
  EXPECT_EQ(baseline_name(definition), "the baseline");
}

TEST_F(FinalTestTest, AMalformedBaselineIsTheStudysFault) {
  const auto expect_refused = [&](const json& value, const char* words) {
    study_.set_attribute("baseline", value);
    EXPECT_THAT([&] { run(); }, ThrowsMessage<StudyError>(AllOf(HasSubstr("s.db"), HasSubstr(words))));
  };
  expect_refused("good", "baseline: expected an object, got \"good\"");
  expect_refused(json::object(), "baseline: expected validation_accuracy = a number, got none");
  expect_refused({{"validation_accuracy", "x"}, {"ended", 2}}, "expected validation_accuracy = a number, got \"x\"");
  expect_refused({{"validation_accuracy", 0.5}, {"ended", -2}}, "expected ended = a whole number from 0, got -2");
}

}  // namespace
}  // namespace murmur
