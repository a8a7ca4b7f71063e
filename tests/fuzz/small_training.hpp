#pragma once

#include "murmur/data/dataset.hpp"
#include "murmur/layers/population_trainer.hpp"

// A training of no time, whose checkpoints are seeds and are gone on from.
namespace murmur::fuzz {

inline constexpr int64_t kSmallNetworks = 2;
inline constexpr const char* kSmallModel = "conv2n dropout flatten linear3 dropout linear";

/// 20 training images of 4 x 4 in 3 classes, of which 16 train.
inline Dataset small_dataset() {
  constexpr int64_t kCount = 20;
  Samples samples{kCount, 4, 4, 1, {}, {}};
  for (int64_t i = 0; i < kCount * 16; ++i) samples.images.push_back(static_cast<uint8_t>(i * 37 % 251));
  for (int64_t i = 0; i < kCount; ++i) samples.labels.push_back(static_cast<uint8_t>(i % 3));
  return {"small", 3, samples, samples};
}

inline PopulationTrainer small_trainer() {
  TrainerOptions options;
  options.num_networks = kSmallNetworks;
  options.micro_batch = 8;
  options.num_threads = 1;
  return {parse_model(kSmallModel), training_data(small_dataset(), kCpu), options};
}

/// Of the first network everything that has a memory is on.
inline Trial small_trial(int64_t network) {
  Trial trial;
  trial.seed = 7 + static_cast<uint64_t>(network);
  trial.num_epochs = 3;
  trial.setting.set(Technique::kBatchSize, 16);
  if (network > 0) return trial;
  trial.setting.set(Technique::kOptimizer, 2);
  trial.setting.set(Technique::kTransientWeightNoise, 0.1);
  trial.setting.set(Technique::kLearningRateSchedule, -0.9);
  return trial;
}

}  // namespace murmur::fuzz
