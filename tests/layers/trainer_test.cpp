#include "murmur/layers/population_trainer.hpp"

#include <gmock/gmock.h>

#include "murmur/engine/memory.hpp"
#include "tests/support/training.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TrainerTest : public test::DeviceTest {
 protected:
  PopulationTrainer make(int64_t num_networks) const {
    return test::make_trainer(test::small_options(device(), num_networks));
  }
};
MURMUR_ON_EVERY_DEVICE(TrainerTest);

TEST_P(TrainerTest, WrongOptionsThrow) {
  const auto refuse = [&](auto change, const char* message) {
    TrainerOptions options = test::small_options(device(), 2);
    TrainingData data = test::small_data(device());
    change(options, data);
    EXPECT_THAT([&] { PopulationTrainer(parse_model(test::kSmallModel), data, options); },
                ThrowsMessage<Error>(HasSubstr(message)));
  };
  refuse([](auto& o, auto&) { o.num_networks = 0; }, "networks: expected at least 1, got 0");
  refuse([](auto& o, auto&) { o.micro_batch = 0; }, "micro-batch: expected a positive multiple of 4, got 0");
  refuse([](auto& o, auto&) { o.micro_batch = 30; }, "multiple of 4, got 30");
  refuse([](auto& o, auto&) { o.micro_batch = -4; }, "got -4");
  refuse(
      [](auto& o, auto&) {
        o.num_threads = -1;
        o.device = kCpu;
      },
      "threads: expected a number >= 0, got -1");
  refuse([](auto&, auto& d) { d.training.count = 0; }, "training set: expected at least 1 sample");
}

TEST_P(TrainerTest, SamplesThatAreNotThereThrow) {
  TrainingData data = test::small_data(device());
  data.training = {200, 200};  // of 360
  PopulationTrainer trainer(parse_model(test::kSmallModel), data, test::small_options(device(), 1));
  trainer.start(0, test::kBaseline.trial(1));
  EXPECT_THAT([&] { trainer.run_epoch(); },
              ThrowsMessage<ShapeError>(HasSubstr("expected samples [200, 400) within images and labels, got 360")));
}

TEST_P(TrainerTest, ImagesOfAnotherSizeThrow) {
  TrainingData data = test::small_data(device());
  data.size = {5, 6, 1};
  PopulationTrainer trainer(parse_model(test::kSmallModel), data, test::small_options(device(), 1));
  trainer.start(0, test::kBaseline.trial(1));
  EXPECT_THROW(trainer.run_epoch(), ShapeError);
}

TEST_P(TrainerTest, WrongSlotsAndBatchesThrow) {
  PopulationTrainer trainer = make(2);
  const Trial trial = test::kBaseline.trial(1);
  EXPECT_THAT([&] { trainer.start(2, trial); },
              ThrowsMessage<InvalidArgument>(HasSubstr("start: expected a slot in [0, 2), got 2")));
  EXPECT_THROW(trainer.start(-1, trial), InvalidArgument);
  EXPECT_THAT([&] { trainer.stop(2); },
              ThrowsMessage<InvalidArgument>(HasSubstr("stop: expected a slot in [0, 2), got 2")));
  Trial small = trial;
  small.setting.set(Technique::kBatchSize, 32);
  EXPECT_THAT([&] { trainer.start(0, small); },
              ThrowsMessage<InvalidArgument>(HasSubstr("at least the micro-batch of 64 samples, got 32")));
  EXPECT_FALSE(trainer.is_running(0));
}

TEST_P(TrainerTest, EmptySlotsHaveNoResult) {
  PopulationTrainer trainer = make(3);
  trainer.start(1, test::kBaseline.trial(1));
  const std::vector<EpochResult> results = trainer.run_epoch();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].epoch, 0);
  EXPECT_EQ(results[1].epoch, 1);
  EXPECT_EQ(results[2].epoch, 0);
  EXPECT_TRUE(trainer.is_running(1));
  EXPECT_FALSE(trainer.is_running(0));
  EXPECT_TRUE(std::isnan(trainer.evaluate_test()[0].loss));
  EXPECT_TRUE(std::isfinite(trainer.evaluate_test()[1].loss));
}

TEST_P(TrainerTest, AStoppedNetworkIsNoLongerTrained) {
  for (const bool use_graph : {true, false}) {
    TrainerOptions options = test::small_options(device(), 2);
    options.use_graph = use_graph;
    PopulationTrainer trainer = test::make_trainer(options);
    trainer.start(0, test::technique_cases().back().trial(1));
    trainer.start(1, test::kBaseline.trial(2));
    trainer.run_epoch();
    trainer.stop(0);
    const std::vector<double> stopped = test::weights_of(trainer, 0), running = test::weights_of(trainer, 1);
    EXPECT_EQ(trainer.run_epoch()[0].epoch, 0);
    EXPECT_TRUE(test::same_bits(test::weights_of(trainer, 0), stopped));
    EXPECT_NE(test::weights_of(trainer, 1), running);
  }
}

TEST_P(TrainerTest, ATrialThatIsStoppedBeforeItStartsNeverRan) {
  PopulationTrainer trainer = make(2);
  trainer.start(0, test::kBaseline.trial(1));
  trainer.start(1, test::kBaseline.trial(2));
  trainer.stop(0);
  const std::vector<EpochResult> results = trainer.run_epoch();
  EXPECT_EQ(results[0].epoch, 0);
  EXPECT_EQ(results[1].epoch, 1);
  EXPECT_THAT(test::weights_of(trainer, 0), ::testing::Each(0.0));  // not even initialised
}

// A pass takes the states and the values of the techniques to the device and the states back; stopping takes nothing.
TEST_P(TrainerTest, CopiesStatesOnceAPass) {
  PopulationTrainer trainer = make(5);
  for (int64_t slot = 0; slot < 5; ++slot) trainer.start(slot, test::kBaseline.trial(static_cast<uint64_t>(slot)));
  trainer.run_epoch();
  const auto copies_of = [](const auto& action) {
    const int64_t before = num_host_copies();
    action();
    return num_host_copies() - before;
  };
  EXPECT_EQ(copies_of([&] { trainer.run_epoch(); }), 3 + 2);  // training, validation
  EXPECT_EQ(copies_of([&] {
              for (int64_t slot = 0; slot < 4; ++slot) trainer.stop(slot);
            }),
            0);
  const std::vector<double> stopped = test::weights_of(trainer, 3);
  EXPECT_EQ(copies_of([&] { trainer.run_epoch(); }), 3 + 2);
  EXPECT_TRUE(test::same_bits(test::weights_of(trainer, 3), stopped));
}

TEST_P(TrainerTest, EvaluationHasNoNoiseAndChangesNothing) {
  PopulationTrainer trainer = make(1);
  trainer.start(0, test::technique_cases().back().trial(1));
  trainer.run_epoch();
  const std::vector<double> before = test::weights_of(trainer, 0);
  const Evaluation first = trainer.evaluate_test()[0];
  const Evaluation second = trainer.evaluate_test()[0];
  EXPECT_EQ(first.loss, second.loss);
  EXPECT_EQ(first.accuracy, second.accuracy);
  EXPECT_TRUE(test::same_bits(test::weights_of(trainer, 0), before));
  PopulationTrainer undisturbed = make(1);
  undisturbed.start(0, test::technique_cases().back().trial(1));
  undisturbed.run_epoch();
  EXPECT_EQ(trainer.run_epoch()[0].train_loss, undisturbed.run_epoch()[0].train_loss);
}

// A network without hidden layers, evaluated by hand in double.
TEST_P(TrainerTest, EvaluationIsThatOfTheParameters) {
  const TrainingData data = test::small_data(device());
  PopulationTrainer trainer(parse_model("flatten linear"), data, test::small_options(device(), 2));
  trainer.start(0, test::kBaseline.trial(1));
  trainer.start(1, test::kBaseline.trial(2));
  trainer.run_epoch();
  const std::vector<Evaluation> actual = trainer.evaluate_test();
  const std::vector<uint8_t> images = data.test_images.to_vector<uint8_t>();
  const std::vector<uint8_t> labels = data.test_labels.to_vector<uint8_t>();
  for (int64_t network = 0; network < 2; ++network) {
    const std::vector<double> w = test::weights_of(trainer, network);  // [5, 25], padded to 128, and biases
    double loss = 0;
    int hits = 0;
    for (size_t n = 0; n < labels.size(); ++n) {
      std::vector<double> z(5);
      double total = 0;
      for (size_t k = 0; k < 5; ++k) {
        z[k] = w[128 + k];
        for (size_t i = 0; i < 25; ++i) z[k] += w[25 * k + i] * images[25 * n + i] / 255.0;
        total += std::exp(z[k]);
      }
      loss += std::log(total) - z[labels[n]];
      hits += std::ranges::max_element(z) - z.begin() == labels[n] ? 1 : 0;
    }
    // Float: logits below 4 of 26 terms (26 x 6e-8 x 4), exp and log of 2e-7.
    EXPECT_NEAR(actual[static_cast<size_t>(network)].loss, loss / 50, 1e-5);
    EXPECT_EQ(actual[static_cast<size_t>(network)].accuracy, hits / 50.0);
  }
}

TEST_P(TrainerTest, WithoutAValidationSetItsResultIsNaN) {
  TrainingData data = test::small_data(device());
  data.training = {0, 360};
  data.validation = {};
  PopulationTrainer trainer(parse_model(test::kSmallModel), data, test::small_options(device(), 1));
  EXPECT_EQ(trainer.epoch_size(), 360);
  trainer.start(0, test::kBaseline.trial(1));
  const EpochResult result = trainer.run_epoch()[0];
  EXPECT_TRUE(std::isnan(result.validation_loss));
  EXPECT_TRUE(std::isnan(result.validation_accuracy));
  EXPECT_FALSE(result.diverged);
}

TEST_P(TrainerTest, InitializationHasItsScale) {
  const auto deviation = [&](Initialization initialization) {
    TrainerOptions options = test::small_options(device(), 1);
    options.initialization = initialization;
    PopulationTrainer trainer = test::make_trainer(options, "flatten linear200 linear");
    trainer.start(0, test::kBaseline.trial(1));
    trainer.evaluate_test();  // initialises, and does not train
    const std::vector<double> w = test::weights_of(trainer, 0);
    double square = 0;
    for (size_t i = 0; i < 5000; ++i) square += w[i] * w[i] / 5000;  // the first kernel, [200, 25]
    for (size_t i = 5000; i < 5200; ++i) EXPECT_EQ(w[i], 0);         // its bias
    return std::sqrt(square);
  };
  // The deviation of 5000 normals has a relative standard deviation of 1 / sqrt(10000); 5 of them.
  EXPECT_NEAR(deviation(Initialization::kScale), 0.05, 0.05 * 0.05);
  EXPECT_NEAR(deviation(Initialization::kHe), std::sqrt(2.0 / 25), 0.05 * std::sqrt(2.0 / 25));
  EXPECT_NEAR(deviation(Initialization::kGlorot), std::sqrt(2.0 / 225), 0.05 * std::sqrt(2.0 / 225));
}

// Labels that a linear model can tell: training must learn them.
TEST_P(TrainerTest, Learns) {
  TrainingData data = test::small_data(device());
  const std::vector<uint8_t> images = data.train_images.to_vector<uint8_t>();
  std::vector<uint8_t> labels(360);
  for (size_t n = 0; n < labels.size(); ++n) {
    labels[n] = static_cast<uint8_t>(std::max_element(&images[25 * n], &images[25 * n] + 5) - &images[25 * n]);
  }
  data.train_labels.copy_from_host(labels.data(), 360);
  PopulationTrainer trainer(parse_model(test::kSmallModel), data, test::small_options(device(), 3));
  for (int64_t optimizer = 0; optimizer < 3; ++optimizer) {
    Trial trial = test::kBaseline.trial(static_cast<uint64_t>(optimizer));
    trial.setting.set(Technique::kInitScale, 0.1);
    trial.setting.set(Technique::kLearningRate, optimizer == 2 ? 0.01 : 0.1);
    trial.setting.set(Technique::kOptimizer, static_cast<double>(optimizer));
    trial.setting.set(Technique::kShuffle, 1);
    trainer.start(optimizer, trial);
  }
  std::vector<EpochResult> results = trainer.run_epoch();
  const std::vector<EpochResult> first = results;
  for (int epoch = 1; epoch < 100; ++epoch) results = trainer.run_epoch();
  for (size_t network = 0; network < 3; ++network) EXPECT_LT(results[network].train_loss, first[network].train_loss);
  // Chance is 0.2; momentum and Adam are well through with it after 300 updates.
  EXPECT_GT(results[1].train_accuracy, 0.5);
  EXPECT_GT(results[2].train_accuracy, 0.8);
}

}  // namespace
}  // namespace murmur
