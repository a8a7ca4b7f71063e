// A captured tick does what its operations do one by one, in the precision that a GPU's libraries convolve in.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/support/training.hpp"

namespace murmur {
namespace {

class GraphTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(GraphTest);

struct Outcome {
  std::vector<double> losses;  // of training and validation, network by network and epoch by epoch
  std::vector<float> weights;
};

/// Three networks, of which one starts after an epoch, and one has transient noise only then: its tick is captured
/// anew.
Outcome train(Device device, const char* model, bool use_graph, bool allow_tf32, bool deterministic = false) {
  TrainerOptions options = test::small_options(device, 3);
  options.dtype = DType::kF32;
  options.use_graph = use_graph;
  options.allow_tf32 = allow_tf32;
  options.deterministic = deterministic;
  PopulationTrainer trainer = test::make_trainer(options, model);
  trainer.start(0, test::kBaseline.trial(1));
  trainer.start(1, test::kBaseline.trial(2));
  Outcome outcome;
  for (int epoch = 0; epoch < 3; ++epoch) {
    if (epoch == 1) {
      Trial noisy = test::kBaseline.trial(3);
      noisy.setting.set(Technique::kTransientWeightNoise, 0.01);
      trainer.start(2, noisy);
    }
    for (const EpochResult& result : trainer.run_epoch()) {
      outcome.losses.push_back(result.train_loss);
      outcome.losses.push_back(result.validation_loss);
    }
  }
  for (const Evaluation& test : trainer.evaluate_test()) outcome.losses.push_back(test.loss);
  outcome.weights = trainer.model().parameters().weight().to_vector<float>();
  return outcome;
}

TEST_P(GraphTest, GivesWhatTheOperationsGiveOneByOne) {
  for (const char* model : {test::kSmallModel, test::kSmallConvolution, test::kSmallResidual}) {
    const Outcome graph = train(device(), model, true, false), launches = train(device(), model, false, false);
    ASSERT_EQ(graph.weights.size(), launches.weights.size());
    // On a CPU the same bits. On a GPU another plan of the library may have been picked, and sums differ by rounding.
    const double tolerance = device().is_cuda() ? 1e-3 : 0;
    for (size_t i = 0; i < graph.losses.size(); ++i) {
      ASSERT_TRUE(std::isfinite(graph.losses[i])) << model << " " << i;
      EXPECT_NEAR(graph.losses[i], launches.losses[i], tolerance) << model << " " << i;
    }
    for (size_t i = 0; i < graph.weights.size(); ++i) {
      ASSERT_NEAR(graph.weights[i], launches.weights[i], tolerance) << model << " " << i;
    }
  }
}

TEST_P(GraphTest, DeterministicRunsHaveTheSameBits) {
  for (const char* model : {test::kSmallModel, test::kSmallConvolution, test::kSmallResidual}) {
    const Outcome first = train(device(), model, true, true, true), second = train(device(), model, true, true, true);
    EXPECT_EQ(first.losses, second.losses) << model;
    EXPECT_EQ(first.weights, second.weights) << model;
  }
}

// TF32 rounds factors to 11 bits: 5e-4 relative for each, and less for sums of many.
TEST_P(GraphTest, Tf32TrainsAsF32DoesWithinItsRounding) {
  const Outcome exact = train(device(), test::kSmallConvolution, true, false);
  const Outcome rounded = train(device(), test::kSmallConvolution, true, true);
  for (size_t i = 0; i < exact.losses.size(); ++i) {
    EXPECT_NEAR(rounded.losses[i], exact.losses[i], device().is_cuda() ? 0.05 : 0) << i;
  }
}

}  // namespace
}  // namespace murmur
