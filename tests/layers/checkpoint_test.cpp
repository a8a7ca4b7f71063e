// A training that is interrupted between two epochs, saved, and goes on in another trainer: nobody can tell.
#include <gmock/gmock.h>

#include "murmur/layers/weights.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// What is in the file, whatever it is, bit for bit; NaN too.
void expect_same_tensors(const SafeTensors& actual, const SafeTensors& expected) {
  ASSERT_EQ(actual.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    const Tensor& other = actual.get(name, tensor.dtype(), tensor.shape());
    const auto bytes = static_cast<size_t>(tensor.num_elements() * size_bytes(tensor.dtype()));
    EXPECT_EQ(std::memcmp(other.raw(), tensor.raw(), bytes), 0) << name;
  }
}

class CheckpointTest : public ::testing::Test {
 protected:
  /// As a file has it.
  SafeTensors saved(PopulationTrainer& trainer) const {
    write_safetensors(folder_ / "file", trainer.checkpoint());
    return read_safetensors(folder_ / "file");
  }

  /// Three epochs at once, and one, a checkpoint, and two in another trainer. `prepare` acts on both before they begin.
  template <class Prepare>
  void expect_same_training(const std::vector<Trial>& trials, const char* model, const Prepare& prepare) const {
    const TrainerOptions options = test::small_options(kCpu, static_cast<int64_t>(trials.size()));
    PopulationTrainer whole = test::make_trainer(options, model), first = test::make_trainer(options, model);
    for (PopulationTrainer* trainer : {&whole, &first}) {
      for (size_t i = 0; i < trials.size(); ++i) trainer->start(static_cast<int64_t>(i), trials[i]);
      prepare(*trainer);
    }
    first.run_epoch();
    whole.run_epoch();
    PopulationTrainer second = test::make_trainer(options, model);
    second.restore(saved(first));
    for (int epoch = 2; epoch <= 3; ++epoch) {
      const std::vector<EpochResult> expected = whole.run_epoch();
      const std::vector<EpochResult> actual = second.run_epoch();
      for (size_t i = 0; i < trials.size(); ++i) {
        EXPECT_EQ(actual[i].epoch, epoch);
        EXPECT_TRUE(test::same_bits(std::vector{actual[i].train_loss, actual[i].validation_loss},
                                    std::vector{expected[i].train_loss, expected[i].validation_loss}));
        EXPECT_EQ(actual[i].train_accuracy, expected[i].train_accuracy);
        EXPECT_EQ(actual[i].diverged, expected[i].diverged);
      }
    }
    expect_same_tensors(second.checkpoint(), whole.checkpoint());
  }
  void expect_same_training(const std::vector<Trial>& trials, const char* model) const {
    expect_same_training(trials, model, [](PopulationTrainer&) {});
  }

  test::TemporaryFolder folder_;
};

// Batches of 256 samples are four micro-batches of 64, and 300 samples no whole number of either; the schedules change
// with the second epoch.
TEST_F(CheckpointTest, EveryTechniqueGoesOnAsItWas) {
  std::vector<Trial> trials;
  for (const test::TechniqueCase& technique_case : test::technique_cases()) {
    trials.push_back(technique_case.trial(trials.size() + 1));
  }
  expect_same_training(trials, test::kSmallModel);
}

TEST_F(CheckpointTest, WithoutTransientNoiseToo) {
  Trial trial = test::kBaseline.trial(1);
  for (const int optimizer : {0, 1, 2}) {
    trial.setting.set(Technique::kOptimizer, optimizer);
    expect_same_training({trial}, test::kSmallModel);
  }
}

TEST_F(CheckpointTest, ConvolutionsAndRunningStatisticsGoOn) {
  const std::vector<Trial> trials{test::technique_cases().back().trial(0xfffffffffffffff0u), test::kBaseline.trial(2)};
  expect_same_training(trials, test::kSmallConvolution);
  expect_same_training(trials, test::kSmallResidual);
}

TEST_F(CheckpointTest, ANetworkThatDivergedStaysSo) {
  const std::vector<Trial> trials{test::kBaseline.trial(1), test::technique_cases().back().trial(2),
                                  test::kBaseline.trial(3)};
  expect_same_training(trials, test::kSmallModel, [](PopulationTrainer& trainer) {
    trainer.evaluate_test();  // draws the parameters
    SafeTensors weights = export_weights(trainer.model());
    auto* bias = weights.tensors.at("linear1.bias").data<float>();
    bias[10] = std::numeric_limits<float>::infinity();  // of network 1
    trainer.load_weights(weights);
  });
  PopulationTrainer trainer = test::make_trainer(test::small_options(kCpu, 3));
  trainer.restore(read_safetensors(folder_ / "file"));
  EXPECT_TRUE(trainer.run_epoch()[1].diverged);
}

TEST_F(CheckpointTest, EmptySlotsStayEmptyAndTrialsMoveIn) {
  const TrainerOptions options = test::small_options(kCpu, 3);
  PopulationTrainer first = test::make_trainer(options), second = test::make_trainer(options);
  first.start(0, test::kBaseline.trial(1));
  first.start(2, test::kBaseline.trial(3));
  first.run_epoch();
  first.stop(2);
  second.start(1, test::kBaseline.trial(9));  // will be gone
  second.restore(saved(first));
  EXPECT_TRUE(second.is_running(0));
  EXPECT_FALSE(second.is_running(1));
  EXPECT_FALSE(second.is_running(2));
  for (PopulationTrainer* trainer : {&first, &second}) trainer->start(1, test::technique_cases().back().trial(2));
  first.run_epoch();
  second.run_epoch();
  expect_same_tensors(second.checkpoint(), first.checkpoint());
}

TEST_F(CheckpointTest, WhatDoesNotFitIsRefused) {
  const TrainerOptions options = test::small_options(kCpu, 2);
  PopulationTrainer trainer = test::make_trainer(options);
  trainer.start(0, test::kBaseline.trial(1));
  trainer.run_epoch();
  const SafeTensors good = saved(trainer);
  const std::string file = (folder_ / "file").string();
  const auto refuse = [&](PopulationTrainer& target, const SafeTensors& checkpoint, const std::string& message) {
    EXPECT_THAT([&] { target.restore(checkpoint); }, ThrowsMessage<DataError>(file + ": expected " + message));
  };
  PopulationTrainer other_model = test::make_trainer(options, "flatten linear9 linear");
  refuse(other_model, good,
         "trainer.model flatten linear9 linear, got flatten linear10 dropout linear7 dropout linear");
  TrainerOptions other = options;
  other.definitions = Definitions::paper();
  PopulationTrainer paper = test::make_trainer(other);
  refuse(paper, good, "trainer.contrast_per batch, got image");
  other = options;
  other.num_networks = 3;
  PopulationTrainer three = test::make_trainer(other);
  EXPECT_THAT([&] { three.restore(good); }, ThrowsMessage<DataError>(HasSubstr("'optimizer.moment1' to be f32 [3, ")));
  const auto changed = [&](const std::string& name, const std::vector<int64_t>& values) {
    SafeTensors result = good;
    result.tensors[name] = Tensor::from<int64_t>(values, {2}, kCpu);
    return result;
  };
  refuse(trainer, changed("state.status", {1, 3}), "states of networks, got status 3, epoch 0, item 0, update 0");
  refuse(trainer, changed("state.item", {-1, 0}), "states of networks, got status 1, epoch 1, item -1, update 3");
  constexpr int64_t kTooMany = (int64_t{1} << 53) + 1;
  refuse(trainer, changed("state.item", {kTooMany, 0}),
         "states of networks, got status 1, epoch 1, item 9007199254740993, update 3");
  refuse(trainer, changed("trial.num_epochs", {0, 1}), "trial.num_epochs of 1 to 9007199254740992, got 0");
  refuse(trainer, changed("trial.num_epochs", {kTooMany, 1}),
         "trial.num_epochs of 1 to 9007199254740992, got 9007199254740993");
  SafeTensors setting = good;
  setting.tensors["trial.setting.dropout"] =
      Tensor::from<double>(std::vector{std::numeric_limits<double>::quiet_NaN(), 0.0}, {2}, kCpu);
  EXPECT_THAT([&] { trainer.restore(setting); },
              ThrowsMessage<DataError>(file + ": dropout: expected a value in [0, 0.95], got nan"));
  SafeTensors missing = good;
  missing.tensors.erase("linear2.weight");
  refuse(trainer, missing, "'linear2.weight' to be f32 or f64, [7, 10] or [P=2, 7, 10], got none");
  refuse(trainer, {.tensors = {}, .metadata = {}, .source = file}, "metadata 'trainer.contrast_per', got none");
  expect_same_tensors(trainer.checkpoint(), good);  // untouched by all of that
}

TEST_F(CheckpointTest, WeightsComeBackStackedOrPlain) {
  const TrainerOptions options = test::small_options(kCpu, 3);
  for (const char* model : {test::kSmallModel, test::kSmallConvolution, test::kSmallResidual}) {
    PopulationTrainer source = test::make_trainer(options, model);
    for (int64_t i = 0; i < 3; ++i) source.start(i, test::kBaseline.trial(static_cast<uint64_t>(i)));
    source.run_epoch();
    const std::vector<Evaluation> expected = source.evaluate_test();
    const auto losses = [&](const SafeTensors& weights) {
      PopulationTrainer target = test::make_trainer(options, model);
      Trial trial = test::technique_cases().back().trial(7);
      trial.setting.set(Technique::kRrelu, 0);  // the one that evaluations see
      for (int64_t i = 0; i < 3; ++i) target.start(i, trial);
      target.load_weights(weights);
      std::vector<double> result;
      for (const Evaluation& evaluation : target.evaluate_test()) result.push_back(evaluation.loss);
      return result;
    };
    EXPECT_EQ(num_stacked(source.model(), export_weights(source.model())), 3);
    EXPECT_EQ(num_stacked(source.model(), export_weights(source.model(), 1)), std::nullopt);
    EXPECT_EQ(losses(export_weights(source.model())),
              (std::vector{expected[0].loss, expected[1].loss, expected[2].loss}));
    EXPECT_EQ(losses(export_weights(source.model(), 1)), std::vector(3, expected[1].loss));
    EXPECT_EQ(losses(source.checkpoint()), (std::vector{expected[0].loss, expected[1].loss, expected[2].loss}));
  }
}

TEST_F(CheckpointTest, WeightsThatDoNotFitAreRefused) {
  PopulationTrainer trainer = test::make_trainer(test::small_options(kCpu, 3));
  for (int64_t i = 0; i < 3; ++i) trainer.start(i, test::kBaseline.trial(1));
  trainer.evaluate_test();
  SafeTensors good = export_weights(trainer.model());
  good.source = "file";
  const auto refuse = [&](const std::string& name, const Tensor& tensor, const std::string& message) {
    SafeTensors weights = good;
    weights.tensors[name] = tensor;
    EXPECT_THAT([&] { trainer.load_weights(weights); }, ThrowsMessage<DataError>("file: expected " + message));
  };
  const std::string bias = "'linear1.bias' to be f32 or f64, [10] or [P=3, 10], got ";
  refuse("linear1.bias", Tensor::zeros({3, 9}, DType::kF32, kCpu), bias + "f32 [3, 9]");
  refuse("linear1.bias", Tensor::zeros({2, 10}, DType::kF32, kCpu), bias + "f32 [2, 10]");
  refuse("linear1.bias", Tensor::zeros({}, DType::kF32, kCpu), bias + "f32 []");
  refuse("linear1.bias", Tensor::zeros({10}, DType::kI32, kCpu), bias + "i32 [10]");
  refuse("linear4.bias", Tensor::zeros({3, 9}, DType::kF32, kCpu),
         "the tensors of this model, got one called 'linear4.bias' too");
  EXPECT_THAT([&] { export_weights(trainer.model(), 3); },
              ThrowsMessage<InvalidArgument>("network: expected one in [0, 3), got 3"));
}

}  // namespace
}  // namespace murmur
