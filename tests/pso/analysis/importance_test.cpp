#include "murmur/pso/analysis/importance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/pso/analysis/designed_sample.hpp"
#include "murmur/pso/swarm.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::ElementsAre;

using test::kNan;
constexpr int64_t kNumDimensions = 22;
constexpr int64_t kNumReal = 6;

double noise(int64_t i, uint64_t seed) {
  return normal(philox(static_cast<uint64_t>(i), 5, 0, seed)).v[0];
}

/// The first six of 22 dimensions matter; half of the variance is noise. `product` adds an interaction of 0 and 1.
double measure(const std::vector<double>& x, int64_t i, uint64_t seed, double product = 0) {
  double sum = product * 12 * (x[0] - 0.5) * (x[1] - 0.5);
  for (size_t d = 0; d < static_cast<size_t>(kNumReal); ++d) sum += std::sqrt(12.0) * (x[d] - 0.5);
  return sum + std::sqrt(6.0) * noise(i, seed);
}

Sample sample_of(const std::vector<std::vector<double>>& points, const std::vector<double>& values) {
  Sample sample;
  sample.values = values;
  sample.columns.resize(points[0].size());
  sample.is_ordered.assign(points[0].size(), true);
  for (const std::vector<double>& point : points) {
    for (size_t d = 0; d < point.size(); ++d) sample.columns[d].push_back(point[d]);
  }
  return sample;
}

Sample designed(int64_t n, uint64_t seed, double product = 0) {
  const DesignedSample design(Design::kLatinHypercube, n, kNumDimensions, seed);
  std::vector<std::vector<double>> points;
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) {
    points.push_back(design.point(i));
    values.push_back(measure(points.back(), i, seed, product));
  }
  return sample_of(points, values);
}

/// What a swarm of 22 tries, looking for the highest value.
Sample swarmed(int64_t n, uint64_t seed) {
  SwarmOptions options;
  options.seed = seed;
  Swarm swarm(std::vector<double>(kNumDimensions, 0), std::vector<double>(kNumDimensions, 1), options);
  std::vector<std::vector<double>> points;
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    points.push_back(candidate.position);
    values.push_back(measure(points.back(), i, seed));
    swarm.tell(candidate.id, values.back());
  }
  return sample_of(points, values);
}

/// Shares of the idle dimensions and of the real ones that are significant at 5 %, and of samples with an idle one
/// after Holm's correction.
struct Rates {
  double false_positives = 0, power = 0, family_wise = 0;
};

template <class MakeSample, class Test>
Rates rates(int64_t num_samples, MakeSample make_sample, Test test) {
  Rates result;
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(num_samples); ++seed) {
    const std::vector<Effect> effects = test(make_sample(seed));
    bool is_wrong = false;
    for (size_t d = 0; d < effects.size(); ++d) {
      const bool is_real = d < static_cast<size_t>(kNumReal);
      if (effects[d].p < 0.05) (is_real ? result.power : result.false_positives) += 1;
      is_wrong = is_wrong || (!is_real && effects[d].adjusted_p < 0.05);
    }
    result.family_wise += is_wrong ? 1 : 0;
  }
  const auto all = static_cast<double>(num_samples);
  result.power /= all * kNumReal;
  result.false_positives /= all * (kNumDimensions - kNumReal);
  result.family_wise /= all;
  return result;
}

std::vector<Effect> spearman(const Sample& sample) {
  std::vector<Effect> effects;
  for (const Correlation& correlation : correlations(sample, {1, 0.95, 0})) effects.push_back(correlation.effect);
  return effects;
}

// 100 samples: 1600 idle dimensions, whose rate of 5 % has a standard deviation of 0.55 %; families, of 2.2 %.
constexpr int64_t kNumSamples = 100;

void expect_valid(const Rates& rates, double least_power) {
  EXPECT_NEAR(rates.false_positives, 0.05, 4 * 0.0055);
  EXPECT_LT(rates.family_wise, 0.05 + 4 * 0.022);
  EXPECT_GT(rates.power, least_power);
}

TEST(Importance, DesignedSamplesFindWhatMattersAndLittleElse) {
  const auto make = [](uint64_t seed) { return designed(220, seed); };
  expect_valid(rates(kNumSamples, make, spearman), 0.9);
  expect_valid(rates(kNumSamples, make, variance_shares), 0.8);
  expect_valid(rates(kNumSamples, make, [](const Sample& sample) { return best_contributions(sample); }), 0.5);
}

TEST(Importance, WhatASwarmHasTriedIsNoEvidence) {
  const auto make = [](uint64_t seed) { return swarmed(220, seed); };
  EXPECT_GT(rates(30, make, spearman).false_positives, 0.25);
  EXPECT_GT(rates(30, make, variance_shares).false_positives, 0.25);
  EXPECT_GT(rates(30, make, spearman).family_wise, 0.5);
}

TEST(Importance, InteractionsAreFoundWhereTheyAre) {
  int64_t num_found = 0, num_wrong_families = 0, num_significant = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const std::vector<Interaction> pairs = interactions(designed(440, seed, 1.5));
    ASSERT_EQ(pairs.size(), 231u);
    bool is_wrong = false;
    for (const Interaction& pair : pairs) {
      const bool is_real = pair.first == 0 && pair.second == 1;
      num_found += is_real && pair.effect.adjusted_p < 0.05 ? 1 : 0;
      num_significant += !is_real && pair.effect.p < 0.05 ? 1 : 0;
      is_wrong = is_wrong || (!is_real && pair.effect.adjusted_p < 0.05);
    }
    num_wrong_families += is_wrong ? 1 : 0;
  }
  EXPECT_GE(num_found, 35);
  EXPECT_LE(num_wrong_families, 8);  // of 40; at most 5 % are expected, 2 ± 1.4
  EXPECT_NEAR(static_cast<double>(num_significant) / (40 * 230), 0.05, 4 * 0.0025);  // pairs are not independent
}

TEST(Importance, PeaksAndCategoriesHaveNoCorrelationButAShare) {
  const DesignedSample design(Design::kLatinHypercube, 300, 3, 1);
  Sample sample;
  sample.columns.resize(3);
  sample.is_ordered = {true, false, true};
  for (int64_t i = 0; i < 300; ++i) {
    const std::vector<double> x = design.point(i);
    const double category = std::floor(3 * x[1]);
    sample.columns[0].push_back(x[0]);
    sample.columns[1].push_back(category);
    sample.columns[2].push_back(x[2]);
    sample.values.push_back(-10 * std::pow(x[0] - 0.5, 2) + (category == 1 ? 1 : 0) + 0.3 * noise(i, 1));
  }
  const std::vector<Correlation> correlation = correlations(sample);
  EXPECT_GT(correlation[0].effect.adjusted_p, 0.05);
  EXPECT_TRUE(std::isnan(correlation[1].effect.size) && std::isnan(correlation[1].interval.low));
  const std::vector<Effect> shares = variance_shares(sample);
  const std::vector<Effect> best = best_contributions(sample);
  for (const size_t d : {0, 1}) {
    EXPECT_GT(shares[d].size, 0.2);
    EXPECT_LT(shares[d].adjusted_p, 1e-6);
    EXPECT_GT(best[d].size, 0.2);
    EXPECT_LT(best[d].adjusted_p, 1e-3);
  }
  EXPECT_LT(shares[2].size, 0.05);
  EXPECT_NEAR(best[0].size + best[1].size + best[2].size, 1, 1e-12);
}

// rho = 1 - 6 (1 + 1 + 0 + 1 + 1) / (5 * 24) = 0.8; t = 0.8 sqrt(3 / 0.36) = 2.309, p = 0.1041 with three degrees.
TEST(Importance, SpearmansCorrelation) {
  const Sample sample{{{10, 20, 30, 40, 500}, {3, 3, 3, 3, 3}}, {true, true}, {2, 1, 3, 5, 4}};
  const std::vector<Correlation> result = correlations(sample);
  EXPECT_NEAR(result[0].effect.size, 0.8, 1e-12);
  EXPECT_NEAR(result[0].effect.p, 0.104088, 1e-6);
  EXPECT_EQ(result[0].effect.adjusted_p, result[0].effect.p);  // what does not vary is no test
  EXPECT_TRUE(std::isnan(result[1].effect.size));
}

// Ranks of the dimension 2 1 4 3 5, of the values 1 2 4 3 5: rho 0.8 with the order, 0.9 of the values with it, and 0.9
// of both: (0.9 - 0.8 * 0.9) / sqrt((1 - 0.64) (1 - 0.81)) = 0.688247.
TEST(Importance, CorrelationsControlledForTheOrder) {
  const Sample sample{{{2, 1, 4, 3, 5}, {3, 3, 3, 3, 3}, {1, 2, 3, 4, 5}}, {true, true, true}, {10, 20, 40, 30, 50}};
  const std::vector<Effect> result = controlled_correlations(sample);
  EXPECT_NEAR(result[0].size, 0.688247, 1e-6);
  EXPECT_TRUE(std::isnan(result[1].size));
  EXPECT_TRUE(std::isnan(result[2].size));
  // A dimension and the values that drift in the same direction, and have nothing else in common. The partial
  // correlation of n = 500 has a standard error of 0.045 around about 0 (both are noise around a line).
  Sample drift = designed(500, 5);
  for (size_t i = 0; i < drift.values.size(); ++i) {
    const double at = 4 * static_cast<double>(i) / 500;
    drift.columns[20][i] += at;
    drift.values[i] = drift.columns[21][i] + at;
  }
  EXPECT_GT(correlations(drift, {1, 0.95, 0})[20].effect.size, 0.8);
  EXPECT_LT(std::abs(controlled_correlations(drift)[20].size), 4 * 0.045);
}

TEST(Importance, BootstrapIntervalsLieAroundTheCorrelation) {
  const Sample sample = designed(200, 3);
  const std::vector<Correlation> result = correlations(sample, {500, 0.95, 1});
  for (const Correlation& correlation : result) {
    EXPECT_LT(correlation.interval.low, correlation.effect.size);
    EXPECT_GT(correlation.interval.high, correlation.effect.size);
    // Fisher: about 1.96 (1 - rho^2) / sqrt(n - 3) to each side.
    const double width = 2 * 1.96 * (1 - std::pow(correlation.effect.size, 2)) / std::sqrt(197.0);
    EXPECT_NEAR(correlation.interval.high - correlation.interval.low, width, 0.35 * width);
  }
  EXPECT_EQ(correlations(sample, {500, 0.95, 1})[2].interval.low, result[2].interval.low);
}

TEST(Importance, ResamplesOfAReversedOrderStayReversed) {
  const Sample sample{{{1, 2, 3, 4, 5, 6, 7}}, {true}, {7, 6, 5, 4, 3, 2, 1}};
  const Interval interval = correlations(sample, {50, 0.95, 1})[0].interval;
  EXPECT_DOUBLE_EQ(interval.low, -1);
  EXPECT_DOUBLE_EQ(interval.high, -1);
}

TEST(Importance, FailedSettingsAreTheWorst) {
  Sample sample = designed(300, 4);
  for (size_t i = 0; i < sample.values.size(); ++i) {
    if (sample.columns[20][i] > 0.7) sample.values[i] = kNan;
  }
  EXPECT_LT(correlations(sample, {1, 0.95, 0})[20].effect.size, -0.5);
  EXPECT_LT(variance_shares(sample)[20].adjusted_p, 1e-6);
  EXPECT_LT(best_contributions(sample)[20].adjusted_p, 0.01);
  EXPECT_FALSE(std::isnan(interactions(sample)[0].effect.p));
}

TEST(Importance, RanksAndLevels) {
  EXPECT_THAT(ranks(std::vector<double>{5, 1, 5, kNan, 3}), ElementsAre(4.5, 2, 4.5, 1, 3));
  EXPECT_THAT(levels(std::vector<double>{6, 5, 4, 3, 2, 1}, true, 3), ElementsAre(2, 2, 1, 1, 0, 0));
  // What is off in half of the settings is one level, and what is on has the others.
  EXPECT_THAT(levels(std::vector<double>{0, 0, 0, 0, 1, 2, 3, 4}, true, 3), ElementsAre(0, 0, 0, 0, 1, 1, 2, 2));
  EXPECT_THAT(levels(std::vector<double>{4, 3, 2, 1, 9, 9, 9, 9}, true, 3), ElementsAre(1, 1, 0, 0, 2, 2, 2, 2));
  EXPECT_THAT(levels(std::vector<double>{3, 0, 3, 7, 1, 7, 7}, false, 2), ElementsAre(2, 0, 2, 3, 1, 3, 3));
  EXPECT_THAT(levels(std::vector<double>{2, 2, 2}, true, 3), ElementsAre(0, 0, 0));
}

TEST(Importance, SubsetsAndWrongSamples) {
  const Sample sample{{{1, 2, 3}}, {true}, {4, 5, 6}};
  const Sample two = subset(sample, std::vector<int64_t>{2, 0});
  EXPECT_THAT(two.values, ElementsAre(6, 4));
  EXPECT_THAT(two.columns[0], ElementsAre(3, 1));
  EXPECT_THROW(variance_shares(two), InvalidArgument);
  EXPECT_THROW(correlations({{{1, 2}}, {true}, {4, 5, 6}}), InvalidArgument);
  EXPECT_THROW(correlations({{{1, 2, kNan}}, {true}, {4, 5, 6}}), InvalidArgument);
  EXPECT_THROW(correlations({{{1, 2, 3}}, {}, {4, 5, 6}}), InvalidArgument);
  EXPECT_THROW(best_contributions(sample, 1), InvalidArgument);
}

}  // namespace
}  // namespace murmur
