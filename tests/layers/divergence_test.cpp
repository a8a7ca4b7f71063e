// A network that diverges is frozen and reported; its neighbours are untouched.
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/training.hpp"

namespace murmur {
namespace {

class DivergenceTest : public test::DeviceTest {
 protected:
  /// Writes `value` into one parameter of one network.
  static void inject(const PopulationTrainer& trainer, int64_t slot, int64_t element, double value) {
    const Tensor& weight = trainer.model().parameters().weight();
    const auto write = [&](auto values) {
      values[static_cast<size_t>(slot * weight.network_size() + element)] = static_cast<decltype(values[0] + 0)>(value);
      weight.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(values[0])));
    };
    if (weight.dtype() == DType::kF32) {
      write(weight.to_vector<float>());
    } else {
      write(weight.to_vector<double>());
    }
  }

  std::vector<Trial> trials() const {
    return {test::technique_cases().back().trial(1), test::kBaseline.trial(2), test::technique_cases().back().trial(3)};
  }
};
MURMUR_ON_EVERY_DEVICE(DivergenceTest);

// Waves of two, two and one networks share memory in which the tensors of one network lie elsewhere than those of two:
// what the broken ones have left behind must not be the padding of the last one.
TEST_P(DivergenceTest, NaNInOneWaveLeavesTheNextAlone) {
  std::vector<const char*> models{"conv5 layernorm depthwise3 avgpool flatten linear7 layernorm linear",
                                  test::kSmallModel, test::kSmallConvolution, test::kSmallResidual};
  int num_epochs = 3;
  if (emulates_gpu()) {  // slow there
    models.resize(1);
    num_epochs = 2;
  }
  for (const char* model : models) {
    TrainerOptions options = test::small_options(device(), 5);
    options.wave = 2;  // of both: a GPU's sums may be others where there are more networks in a product
    PopulationTrainer clean = test::make_trainer(options, model);
    PopulationTrainer broken = test::make_trainer(options, model);
    ASSERT_EQ(broken.num_waves(), 3);
    for (int64_t slot = 0; slot < 5; ++slot) {
      clean.start(slot, trials()[2]);
      broken.start(slot, trials()[2]);
    }
    clean.run_epoch();
    broken.run_epoch();
    for (int64_t slot = 0; slot < 4; ++slot) {
      inject(broken, slot, 100, std::numeric_limits<double>::quiet_NaN());
    }
    for (int epoch = 2; epoch <= num_epochs; ++epoch) {
      const EpochResult expected = clean.run_epoch()[4];
      const EpochResult actual = broken.run_epoch()[4];
      EXPECT_FALSE(actual.diverged);
      EXPECT_EQ(actual.train_loss, expected.train_loss) << model;
      EXPECT_EQ(actual.validation_loss, expected.validation_loss) << model;
    }
  }
}

TEST_P(DivergenceTest, NaNInOneNetworkLeavesItsNeighboursAlone) {
  for (const bool use_graph : {true, false}) {
    TrainerOptions options = test::small_options(device(), 3);
    options.use_graph = use_graph;
    PopulationTrainer clean = test::make_trainer(options), broken = test::make_trainer(options);
    for (int64_t slot = 0; slot < 3; ++slot) {
      clean.start(slot, trials()[static_cast<size_t>(slot)]);
      broken.start(slot, trials()[static_cast<size_t>(slot)]);
    }
    clean.run_epoch();
    EXPECT_FALSE(broken.run_epoch()[1].diverged);
    inject(broken, 1, 100, std::numeric_limits<double>::quiet_NaN());
    std::vector<double> frozen;
    for (int epoch = 2; epoch <= 3; ++epoch) {
      const std::vector<EpochResult> expected = clean.run_epoch();
      const std::vector<EpochResult> actual = broken.run_epoch();
      EXPECT_TRUE(actual[1].diverged);
      EXPECT_FALSE(std::isfinite(actual[1].train_loss));
      EXPECT_EQ(actual[1].epoch, epoch);
      // The passes may run on a copy of the weights that is a batch older: it diverges one update later.
      if (epoch == 2) frozen = test::weights_of(broken, 1);
      for (const size_t neighbour : {0u, 2u}) {
        EXPECT_FALSE(actual[neighbour].diverged);
        EXPECT_EQ(actual[neighbour].train_loss, expected[neighbour].train_loss);
        EXPECT_EQ(actual[neighbour].validation_loss, expected[neighbour].validation_loss);
      }
    }
    // The same machine, the same shapes: the same bits on every device.
    EXPECT_TRUE(test::same_bits(test::weights_of(broken, 0), test::weights_of(clean, 0)));
    EXPECT_TRUE(test::same_bits(test::weights_of(broken, 2), test::weights_of(clean, 2)));
    EXPECT_TRUE(test::same_bits(test::weights_of(broken, 1), frozen));
  }
}

TEST_P(DivergenceTest, ANewTrialInTheSlotIsAsGoodAsNew) {
  const TrainerOptions options = test::small_options(device(), 3);
  PopulationTrainer fresh = test::make_trainer(options), reused = test::make_trainer(options);
  const test::Outcome expected = test::run_trials(fresh, trials())[1];
  reused.start(1, test::technique_cases().back().trial(9));
  reused.run_epoch();
  for (int64_t element = 0; element < 300; element += 7) {
    inject(reused, 1, element, std::numeric_limits<double>::infinity());
  }
  EXPECT_TRUE(reused.run_epoch()[1].diverged);
  test::expect_same(test::run_trials(reused, trials())[1], expected, 0);
}

TEST_P(DivergenceTest, FiniteWeightsThatOverflowAreReported) {
  TrainerOptions options = test::small_options(device(), 2);
  options.dtype = DType::kF32;
  PopulationTrainer trainer = test::make_trainer(options);
  trainer.start(0, test::kBaseline.trial(1));
  trainer.start(1, test::kBaseline.trial(2));
  trainer.run_epoch();
  for (int64_t element = 0; element < 350; ++element) inject(trainer, 0, element, 1e30);  // two layers' kernels
  const std::vector<double> frozen = test::weights_of(trainer, 0);
  const std::vector<EpochResult> results = trainer.run_epoch();
  EXPECT_TRUE(results[0].diverged);
  EXPECT_FALSE(results[1].diverged);
  EXPECT_TRUE(test::same_bits(test::weights_of(trainer, 0), frozen));
}

// The last update of an epoch may break a network: no tick of training sees it, but the validation does. Here weights
// of 3e38 meet two pixels that are 0 in every training image.
TEST_P(DivergenceTest, ABreakThatOnlyTheValidationSeesIsReported) {
  TrainerOptions options = test::small_options(device(), 2);
  options.dtype = DType::kF32;
  TrainingData data = test::small_data(device());
  std::vector<uint8_t> images = data.train_images.to_vector<uint8_t>();
  for (size_t i = 0; i < images.size(); i += 25) images[i] = images[i + 1] = i / 25 < 300 ? 0 : 255;
  data.train_images.copy_from_host(images.data(), static_cast<int64_t>(images.size()));
  PopulationTrainer trainer(parse_model(test::kSmallModel), data, options);
  trainer.start(0, test::kBaseline.trial(1));
  trainer.start(1, test::kBaseline.trial(2));
  trainer.run_epoch();
  for (int64_t unit = 0; unit < 10; ++unit) {  // of the first kernel, [10, 25]
    inject(trainer, 0, 25 * unit, 3e38);
    inject(trainer, 0, 25 * unit + 1, 3e38);
  }
  const std::vector<EpochResult> results = trainer.run_epoch();
  EXPECT_TRUE(std::isfinite(results[0].train_loss));
  EXPECT_FALSE(std::isfinite(results[0].validation_loss));
  EXPECT_TRUE(results[0].diverged);
  EXPECT_FALSE(results[1].diverged);
  EXPECT_TRUE(trainer.run_epoch()[0].diverged);
}

}  // namespace
}  // namespace murmur
