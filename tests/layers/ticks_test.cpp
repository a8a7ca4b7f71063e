#include <gmock/gmock.h>

#include <stdexcept>

#include "tests/support/training.hpp"

namespace murmur {
namespace {

class TicksTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(TicksTest);

std::vector<EpochResult> train_ticks(const TrainerOptions& options) {
  PopulationTrainer trainer = test::make_trainer(options);
  for (int64_t network = 0; network < options.num_networks; ++network) {
    trainer.start(network, test::kBaseline.trial(static_cast<uint64_t>(network)));
  }
  std::vector<EpochResult> all;
  for (int epoch = 0; epoch < 3; ++epoch) {
    const std::vector<EpochResult> results = trainer.run_epoch();
    all.insert(all.end(), results.begin(), results.end());
  }
  return all;
}

TEST_P(TicksTest, WhoLooksChangesNothing) {
  for (const bool use_graph : {true, false}) {
    TrainerOptions options = test::small_options(device(), 3);
    options.use_graph = use_graph;
    const std::vector<EpochResult> alone = train_ticks(options);
    std::vector<TickProgress> seen;
    options.on_ticks = [&](const TickProgress& ticks) { seen.push_back(ticks); };
    const std::vector<EpochResult> watched = train_ticks(options);
    ASSERT_EQ(watched.size(), alone.size());
    for (size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(watched[i].train_loss, alone[i].train_loss);
      EXPECT_EQ(watched[i].validation_loss, alone[i].validation_loss);
      EXPECT_EQ(watched[i].validation_accuracy, alone[i].validation_accuracy);
    }
    int64_t num_epochs = 0, last = 0;
    for (const TickProgress& ticks : seen) {
      EXPECT_GT(ticks.num_done, last);
      EXPECT_LE(ticks.num_done, ticks.num_all);
      last = ticks.num_done == ticks.num_all ? 0 : ticks.num_done;
      num_epochs += ticks.num_done == ticks.num_all ? 1 : 0;
    }
    EXPECT_EQ(num_epochs, 3);
    EXPECT_GT(seen.size(), 6u) << "within the epochs, too";
  }
}

TEST_P(TicksTest, AProfilersTicksChangeNothing) {
  TrainerOptions options = test::small_options(device(), 3);
  const std::vector<EpochResult> alone = train_ticks(options);
  options.profile = {2, 3};
  const std::vector<EpochResult> profiled = train_ticks(options);
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(profiled[i].train_loss, alone[i].train_loss);
}

TEST_P(TicksTest, WhatTheyThrowEndsTheEpoch) {
  TrainerOptions options = test::small_options(device(), 1);
  int64_t num_calls = 0;
  options.on_ticks = [&](const TickProgress&) {
    ++num_calls;
    throw std::runtime_error("enough");
  };
  PopulationTrainer trainer = test::make_trainer(options);
  trainer.start(0, test::kBaseline.trial(1));
  EXPECT_THROW(trainer.run_epoch(), std::runtime_error);
  EXPECT_EQ(num_calls, 1);
}

}  // namespace
}  // namespace murmur
