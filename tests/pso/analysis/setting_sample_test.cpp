#include "murmur/pso/analysis/setting_sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/search_summary.hpp"
#include "murmur/pso/random.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using test::kNan;

TrialRecord trial_of(const SearchSpace& space, std::vector<double> position, double value,
                     TrialState state = TrialState::kComplete) {
  TrialRecord trial;
  trial.state = state;
  trial.setting = space.decode(position);
  trial.position = std::move(position);
  trial.value = value;
  return trial;
}

/// The better half has dropout up to 0.25 and momentum.
std::vector<TrialRecord> trials_of(const SearchSpace& space) {
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 20; ++i) {
    trials.push_back(trial_of(space, {0.025 * i, 0.3 + 0.1 * i, i < 10 ? 1.5 : 0.5}, 0.9 - 0.01 * i));
  }
  return trials;
}

SearchSpace small_space() {
  return SearchSpace({Technique::kDropout, Technique::kLearningRate, Technique::kOptimizer});
}

TEST(SettingSample, TheRegionIsWhereTheBetterHalfIs) {
  const SearchSpace space = small_space();
  std::vector<TrialRecord> trials = trials_of(space);
  trials.push_back(trial_of(space, {0.5, 4, 2.5}, 0.95, TrialState::kPruned));
  const TrainedRegion region = trained_region(space, trials);
  EXPECT_DOUBLE_EQ(region.low[0], 0);
  EXPECT_DOUBLE_EQ(region.high[0], 0.225);
  EXPECT_EQ(region.low[2], space.low()[2]) << "all choices";
  EXPECT_EQ(region.high[2], space.high()[2]);
  EXPECT_THROW(trained_region(space, std::span(trials).first(9)), InvalidArgument);
}

TEST(SettingSample, OptionalTechniquesAreOffInHalfOfTheSettings) {
  const SearchSpace space = small_space();
  const TrainedRegion region = trained_region(space, trials_of(space));
  const std::vector<std::vector<double>> positions = sample_positions(space, region, 300, 4);
  int64_t num_off = 0, num_adam = 0;
  for (const std::vector<double>& position : positions) {
    const Setting setting = space.decode(position);
    num_off += setting[Technique::kDropout] == 0 ? 1 : 0;
    num_adam += setting[Technique::kOptimizer] == static_cast<double>(Optimizer::kAdam) ? 1 : 0;
    EXPECT_LE(setting[Technique::kDropout], 0.225);
    EXPECT_GE(position[1], region.low[1]);
    EXPECT_LE(position[1], region.high[1]);
  }
  EXPECT_EQ(num_off, 150);  // a Latin hypercube
  EXPECT_EQ(num_adam, 100);
  EXPECT_EQ(positions, sample_positions(space, region, 300, 4));
  EXPECT_NE(positions, sample_positions(space, region, 300, 5));
}

/// Dropout helps SGD and hurts Adam; the best learning rate is in the middle.
TEST(SettingSample, WhatTheSampleSays) {
  const SearchSpace space = SearchSpace::all();
  TrainedRegion region{space.low(), space.high(), space.sparse()};
  std::vector<Setting> settings;
  std::vector<double> values;
  const std::vector<std::vector<double>> positions = sample_positions(space, region, 400, 1);
  for (size_t i = 0; i < positions.size(); ++i) {
    settings.push_back(space.decode(positions[i]));
    const Setting& setting = settings.back();
    const double dropout = setting[Technique::kDropout] * (setting[Technique::kOptimizer] == 0 ? 1 : -1);
    const double noise = swarm_uniforms(9, SwarmStream::kMove, static_cast<int64_t>(i), 0, 0).first;
    values.push_back(setting[Technique::kFrozenFraction] > 0.95 ? kNan : dropout + 0.3 * noise);
  }
  const SampleReport report = analyse_sample(space, settings, values, 1);
  ASSERT_EQ(report.groups.size(), 3u);
  const auto dropout = static_cast<size_t>(Technique::kDropout);
  EXPECT_EQ(report.groups[0].optimizer, "sgd");
  EXPECT_GT(report.groups[0].correlations[dropout].effect.size, 0.5);
  EXPECT_LT(report.groups[2].correlations[dropout].effect.size, -0.5);
  EXPECT_LT(report.groups[2].correlations[dropout].effect.adjusted_p, 0.001);
  EXPECT_TRUE(std::isnan(report.groups[0].correlations[static_cast<size_t>(Technique::kOptimizer)].effect.p));
  EXPECT_EQ(report.interactions[0].first, static_cast<int64_t>(dropout));
  EXPECT_EQ(report.interactions[0].second, static_cast<int64_t>(Technique::kOptimizer));
  EXPECT_LT(report.interactions[0].effect.adjusted_p, 0.001);
  EXPECT_LT(report.shares[static_cast<size_t>(Technique::kOptimizer)].adjusted_p, 0.001);
  int64_t num_significant = 0;
  for (const GroupCorrelations& group : report.groups) {
    for (const Correlation& correlation : group.correlations) {
      num_significant += correlation.effect.adjusted_p < 0.05 ? 1 : 0;
    }
  }
  EXPECT_LE(num_significant, 4) << "one family: dropout of three optimizers, and by chance one more";
}

TEST(SearchSummary, CountsFailuresAndWhatTheBestHave) {
  const SearchSpace space = small_space();
  std::vector<TrialRecord> trials = trials_of(space);
  trials.push_back(trial_of(space, {0, 4, 2.5}, 0.1, TrialState::kPruned));
  trials.push_back(trial_of(space, {0.5, 4, 2.5}, kNan, TrialState::kFail));
  trials.push_back(trial_of(space, {0.5, 4, 2.5}, kNan, TrialState::kRunning));
  trials.push_back(trial_of(space, {0.5, 4, 2.5}, 0.1, TrialState::kPruned));
  trials.back().attributes["stage"] = 1;
  const SearchSummary summary = summarize_search(space, {}, trials);
  EXPECT_EQ(summary.all.num_trials, 22);
  EXPECT_EQ(summary.num_best, 10);
  const TechniqueSummary& dropout = summary.techniques[0];
  EXPECT_EQ(dropout.off.num_trials, 2);
  EXPECT_EQ(dropout.off.failure_rate(), 0.5);
  EXPECT_EQ(dropout.on.num_diverged, 1);
  EXPECT_EQ(dropout.on.failure_rate(), 1.0 / 20);
  EXPECT_EQ(dropout.share_among_best, 0.9);
  EXPECT_DOUBLE_EQ(dropout.typical_among_best, 0.125);
  ASSERT_EQ(summary.optimizers.size(), 3u);
  EXPECT_EQ(summary.optimizers[2].trials.failure_rate(), 1);
  EXPECT_TRUE(std::isnan(summary.optimizers[2].best));
  EXPECT_EQ(summary.optimizers[1].best, 0.9);
}

// The accuracy of a trial that a pruner ended is that of fewer epochs, and no failure.
TEST(SearchSummary, WhatWasPrunedHasNotFailed) {
  const SearchSpace space = small_space();
  std::vector<TrialRecord> trials = trials_of(space);
  const SearchSummary before = summarize_search(space, {}, trials);
  trials.push_back(trial_of(space, {0.5, 4, 2.5}, 0.3, TrialState::kPruned));
  trials.back().attributes["pruned"] = true;
  const SearchSummary summary = summarize_search(space, {}, trials);
  EXPECT_EQ(summary.all.num_trials, before.all.num_trials + 1);
  EXPECT_EQ(summary.all.num_pruned, 1);
  EXPECT_EQ(summary.all.num_aborted, 0);
  EXPECT_EQ(summary.all.failure_rate(), 0);
  for (size_t i = 0; i < summary.techniques.size(); ++i) {
    const double correlation = before.techniques[i].correlation;
    if (!std::isnan(correlation)) {
      EXPECT_EQ(summary.techniques[i].correlation, correlation);
    }
  }
}

}  // namespace
}  // namespace murmur
