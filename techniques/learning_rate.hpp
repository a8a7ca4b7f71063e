#pragma once

#include "murmur/techniques/definitions.hpp"
#include "murmur/techniques/techniques.hpp"

// What suits a learning rate depends on what it multiplies: the gradient of a batch's summed loss is as many times that
// of its mean loss as the batch has samples.
namespace murmur {

/// The learning rate of a setting that names none. Sum: the study's for every optimizer, 1e-3 (0.128 of the mean of its
/// batch of 128). Mean: 0.1 for SGD; 0.01 with momentum, whose steps add up to 1 / (1 - 0.9) as much; 1e-3 for Adam and
/// AdamW, which know no scale of the gradient (Kingma & Ba 2015).
constexpr double default_learning_rate(Optimizer optimizer, LossReduction reduction) {
  using enum Optimizer;
  if (reduction == LossReduction::kSum || optimizer == kAdam || optimizer == kAdamW) return 1e-3;
  return optimizer == kMomentum || optimizer == kNesterov ? 1e-2 : 1e-1;
}

/// What a search covers, and what a schedule moves the learning rate within. Sum: the study's.
struct LearningRateRange {
  double low, high;
};
constexpr LearningRateRange learning_rate_range(LossReduction reduction) {
  return reduction == LossReduction::kSum ? LearningRateRange{1e-5, 1e-1} : LearningRateRange{1e-4, 1};
}

}  // namespace murmur
