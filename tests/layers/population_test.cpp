// What makes a population trustworthy: a trial's result is its own, whatever runs beside, before or around it.
#include <gtest/gtest.h>

#include <tuple>

#include "tests/support/training.hpp"

namespace murmur {
namespace {

using test::Outcome;
using test::TechniqueCase;

struct ModelCase {
  const char* name;
  const char* model;
};

class EveryTechnique : public ::testing::TestWithParam<std::tuple<Device, TechniqueCase, ModelCase>> {
 protected:
  void SetUp() override { MURMUR_NEED_DEVICE(device()); }
  Device device() const { return std::get<0>(GetParam()); }
  const TechniqueCase& technique() const { return std::get<1>(GetParam()); }
  const char* model() const { return std::get<2>(GetParam()).model; }
  Trial trial(uint64_t seed = 11) const { return technique().trial(seed); }
  double tolerance() const { return test::device_tolerance(device(), trial()); }
};

INSTANTIATE_TEST_SUITE_P(Devices, EveryTechnique,
                         ::testing::Combine(::testing::Values(kCpu, test::kGpu),
                                            ::testing::ValuesIn(test::technique_cases()),
                                            ::testing::Values(ModelCase{"linear", test::kSmallModel},
                                                              ModelCase{"convolution", test::kSmallConvolution})),
                         [](const auto& test_info) {
                           return test::test_name(std::get<0>(test_info.param)) + "_" +
                                  test::case_name(std::get<1>(test_info.param)) + "_" +
                                  std::get<2>(test_info.param).name;
                         });

TEST_P(EveryTechnique, NetworksTogetherAreEachAlone) {
  const std::vector<Trial> trials{trial(), test::technique_cases().back().trial(12), test::kBaseline.trial(13),
                                  trial(14), trial(11)};
  PopulationTrainer trainer = test::make_trainer(test::small_options(device(), 5), model());
  const std::vector<Outcome> together = test::run_trials(trainer, trials);
  for (size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "network " << i);
    test::expect_same(together[i], test::run_trial(test::small_options(device(), 1), trials[i], model()),
                      test::device_tolerance(device(), trials[i]));
  }
  EXPECT_NE(together[0].weights, together[3].weights);  // another seed is another training
}

TEST_P(EveryTechnique, TheSlotDoesNotMatter) {
  const TrainerOptions options = test::small_options(device(), 4);
  PopulationTrainer first = test::make_trainer(options, model());
  const Outcome expected = test::run_trials(first, {trial()}).front();
  // The last slot, which another trial has used before, for an epoch and a half of its neighbour's.
  PopulationTrainer used = test::make_trainer(options, model());
  used.start(0, test::kBaseline.trial(5));
  used.start(3, test::technique_cases().back().trial(6));
  used.run_epoch();
  used.start(3, trial());
  Outcome actual;
  for (int epoch = 0; epoch < 3; ++epoch) {
    actual.results.push_back(used.run_epoch()[3]);
    if (epoch == 0) used.start(1, trial(77));  // a neighbour moves in half-way
    if (epoch == 1) used.stop(0);
  }
  actual.weights = test::weights_of(used, 3);
  test::expect_same(actual, expected, tolerance());
}

TEST_P(EveryTechnique, WavesDoNotMatter) {
  const std::vector<Trial> trials{trial(), test::technique_cases().back().trial(12), test::kBaseline.trial(13),
                                  trial(14), trial(15)};
  TrainerOptions options = test::small_options(device(), 5);
  PopulationTrainer whole = test::make_trainer(options, model());
  const std::vector<Outcome> expected = test::run_trials(whole, trials);
  options.wave = 2;  // 2 + 2 + 1
  PopulationTrainer in_waves = test::make_trainer(options, model());
  ASSERT_EQ(in_waves.num_waves(), 3);
  const std::vector<Outcome> actual = test::run_trials(in_waves, trials);
  const std::vector<Evaluation> expected_tests = whole.evaluate_test();
  const std::vector<Evaluation> actual_tests = in_waves.evaluate_test();
  for (size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "network " << i);
    test::expect_same(actual[i], expected[i], test::device_tolerance(device(), trials[i]));
    EXPECT_NEAR(actual_tests[i].loss, expected_tests[i].loss, test::device_tolerance(device(), trials[i]));
  }
}

TEST_P(EveryTechnique, MicroBatchesChangeOnlyTheOrderOfSums) {
  TrainerOptions options = test::small_options(device(), 1);
  options.dtype = DType::kF64;
  options.micro_batch = 128;
  const Outcome expected = test::run_trial(options, trial(), model());
  for (const int64_t micro_batch : {4, 32}) {
    SCOPED_TRACE(::testing::Message() << "micro-batch " << micro_batch);
    options.micro_batch = micro_batch;
    test::expect_same(test::run_trial(options, trial(), model()), expected, test::reordering_tolerance(trial()));
  }
}

TEST_P(EveryTechnique, GraphsThreadsAndPrecisionDoNotMatter) {
  const TrainerOptions options = test::small_options(device(), 1);
  const Outcome expected = test::run_trial(options, trial(), model());
  TrainerOptions launched = options;
  launched.use_graph = false;
  test::expect_same(test::run_trial(launched, trial(), model()), expected, tolerance());
  TrainerOptions one_thread = options;
  one_thread.num_threads = 1;
  test::expect_same(test::run_trial(one_thread, trial(), model()), expected, tolerance());
  test::expect_same(test::run_trial(options, trial(), model()), expected, tolerance());  // and once more
}

/// False where a technique has no place in a model: no image, or no residual block.
bool has_place(std::string_view technique, std::string_view model) {
  if (technique == "stochastic_depth") return model.find("residual") != std::string_view::npos;
  const bool is_of_images = technique == "spatial_dropout" || technique == "dropblock";
  return !is_of_images || model.find("conv") != std::string_view::npos;
}

TEST_P(EveryTechnique, ChangesTraining) {
  const TrainerOptions options = test::small_options(device(), 1);
  const Outcome with = test::run_trial(options, trial(), model());
  if (!has_place(technique().name, model())) {
    test::expect_same(with, test::run_trial(options, test::kBaseline.trial(11), model()), 0);
    return;
  }
  const Outcome without = test::run_trial(options, test::kBaseline.trial(11), model());
  double difference = 0;
  for (size_t i = 0; i < with.weights.size(); ++i) {
    difference = std::max(difference, std::abs(with.weights[i] - without.weights[i]));
  }
  EXPECT_GT(difference, 1e-4);  // far above rounding: what a no-op would leave
  EXPECT_FALSE(with.results.back().diverged);
}

TEST(StochasticDepth, ChangesTheTrainingOfResidualNetworks) {
  const TrainerOptions options = test::small_options(kCpu, 1);
  const Trial off = test::kBaseline.trial(11);
  Trial on = off;
  on.setting.set(Technique::kStochasticDepth, 0.4);
  EXPECT_FALSE(test::same_bits(test::run_trial(options, on, test::kSmallResidual).weights,
                               test::run_trial(options, off, test::kSmallResidual).weights));
}

class PopulationTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(PopulationTest);

TEST_P(PopulationTest, TheStudysDefinitionsAreIndependentOfThePopulationToo) {
  for (const bool paper : {false, true}) {
    TrainerOptions options = test::small_options(device(), 3);
    if (paper) options.definitions = Definitions::paper();
    options.definitions.shuffle_window = 100;
    TechniqueCase technique = test::technique_cases().back();
    technique.values.emplace_back(Technique::kLearningRate, 1e-4);  // of a sum of losses
    const std::vector<Trial> trials{technique.trial(1), technique.trial(2), test::kBaseline.trial(3)};
    PopulationTrainer trainer = test::make_trainer(options);
    const std::vector<Outcome> together = test::run_trials(trainer, trials);
    for (size_t i = 0; i < 2; ++i) {
      test::expect_same(together[i], test::run_trial(options, trials[i]), test::device_tolerance(device(), trials[i]));
    }
  }
}

// Batch norm and residual blocks: everything but the micro-batch.
TEST_P(PopulationTest, NetworksWithBatchNormAreIndependentToo) {
  const TrainerOptions options = test::small_options(device(), 3);
  const TechniqueCase everything = test::technique_cases().back();
  const std::vector<Trial> trials{everything.trial(1), test::kBaseline.trial(2), everything.trial(3)};
  PopulationTrainer trainer = test::make_trainer(options, test::kSmallResidual);
  test::run_trials(trainer, {test::kBaseline.trial(8), everything.trial(9)}, 1);  // the slots have been used
  const std::vector<Outcome> together = test::run_trials(trainer, trials);
  for (size_t i = 0; i < trials.size(); ++i) {
    test::expect_same(together[i], test::run_trial(options, trials[i], test::kSmallResidual),
                      test::device_tolerance(device(), trials[i]));
  }
}

// The first trial with transient noise makes all networks run on copies of their weights, also those half-way through.
TEST_P(PopulationTest, ANeighbourWithTransientNoiseChangesNothingHalfWay) {
  const TrainerOptions options = test::small_options(device(), 2);
  const Trial trial = test::kBaseline.trial(4);
  PopulationTrainer trainer = test::make_trainer(options);
  trainer.start(0, trial);
  Outcome actual;
  for (int epoch = 0; epoch < 3; ++epoch) {
    if (epoch == 1) trainer.start(1, TechniqueCase{"copy", {{Technique::kDropconnect, 0.4}}}.trial(5));
    actual.results.push_back(trainer.run_epoch()[0]);
  }
  actual.weights = test::weights_of(trainer, 0);
  test::expect_same(actual, test::run_trial(options, trial), test::device_tolerance(device(), trial));
}

TEST_P(PopulationTest, SumLossIsMeanLossAtTheRateTimesTheBatch) {
  // Sum loss at batch 128 with rate r is mean loss with 128 r, in updates whose batch is full: train on 256 samples.
  TrainerOptions options = test::small_options(device(), 1);
  options.dtype = DType::kF64;
  TrainingData data = test::small_data(device());
  data.training = {0, 256};
  const auto train = [&](LossReduction reduction, double rate) {
    options.definitions.loss_reduction = reduction;
    PopulationTrainer trainer(parse_model(test::kSmallModel), data, options);
    Trial trial = test::kBaseline.trial(3);
    trial.setting.set(Technique::kLearningRate, rate);
    return test::run_trials(trainer, {trial}).front();
  };
  // 2^-11 and 2^-4: exact in float, so that only roundings differ.
  test::expect_same(train(LossReduction::kSum, 0x1p-11), train(LossReduction::kMean, 0x1p-4), 4e-12);
}

}  // namespace
}  // namespace murmur
