#include "murmur/pso/analysis/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "murmur/engine/error.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::NanSensitiveDoubleEq;

using test::kNan;

/// n standard normals of a repetition.
std::vector<double> normals(int64_t n, uint64_t seed) {
  std::vector<double> result;
  for (int64_t i = 0; i < n; ++i) result.push_back(normal(philox(static_cast<uint64_t>(i), 7, 0, seed)).v[0]);
  return result;
}

/// The rate of k of n is within four standard deviations of its expectation.
void expect_rate(int64_t k, int64_t n, double expected) {
  const double deviation = std::sqrt(expected * (1 - expected) / static_cast<double>(n));
  EXPECT_NEAR(static_cast<double>(k) / static_cast<double>(n), expected, 4 * deviation);
}

TEST(Statistics, MeanDeviationAndError) {
  const std::vector<double> values{2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(mean(values), 5);
  EXPECT_DOUBLE_EQ(standard_deviation(values), std::sqrt(32.0 / 7));
  EXPECT_DOUBLE_EQ(standard_error(values), std::sqrt(32.0 / 7 / 8));
  EXPECT_TRUE(std::isnan(standard_error(std::vector<double>{1})));
}

// t(4) at 97.5 % is 2.776445, at 99.5 % 4.604095 (any table).
TEST(Statistics, StudentsInterval) {
  const std::vector<double> values{1, 2, 3, 4, 5};
  const Interval interval = student_interval(values);
  EXPECT_NEAR(interval.low, 3 - 2.776445 * std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(interval.high, 3 + 2.776445 * std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(student_interval(values, 0.99).high, 3 + 4.604095 * std::sqrt(0.5), 1e-6);
  EXPECT_TRUE(std::isnan(student_interval(std::vector<double>{1}).low));
  EXPECT_THROW(student_interval(values, 1), InvalidArgument);
}

TEST(Statistics, IntervalsOfFewValuesCoverTheMeanAsOftenAsTheySay) {
  int64_t num_outside = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const Interval interval = student_interval(normals(5, seed));
    num_outside += interval.low > 0 || interval.high < 0 ? 1 : 0;
  }
  expect_rate(num_outside, 4000, 0.05);
}

TEST(Statistics, PairsShareTheirSeed) {
  // The differences are 1, 2, 3, 4, 5, whatever the pairs have in common: t = 3 / sqrt(1/2) = 4.243, p(4) = 0.01324.
  const PairedDifference result = paired_difference({{11, 102, 3, 1004, 5}}, {{10, 100, 0, 1000, 0}});
  EXPECT_EQ(result.num_pairs, 5);
  EXPECT_DOUBLE_EQ(result.difference, 3);
  EXPECT_DOUBLE_EQ(result.standard_error, std::sqrt(0.5));
  EXPECT_NEAR(result.interval.low, 3 - 2.776445 * std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(result.p, 0.013236, 1e-5);
  EXPECT_THROW(paired_difference({{1, 2}}, {{1}}), InvalidArgument);
}

TEST(Statistics, PairsWithoutAnEndAreLeftOutAndCounted) {
  const double infinity = std::numeric_limits<double>::infinity();
  const PairedDifference result = paired_difference({{2, kNan, 3, kNan, 4, infinity}}, {{1, 1, kNan, kNan, 2, 0}});
  EXPECT_EQ(result.num_pairs, 2);
  EXPECT_EQ(result.num_first_failed, 3);
  EXPECT_EQ(result.num_second_failed, 2);
  EXPECT_DOUBLE_EQ(result.difference, 1.5);
  EXPECT_TRUE(std::isnan(paired_difference({{1}}, {{2}}).p));
}

TEST(Statistics, EqualPairsAreNotDistinguishable) {
  EXPECT_EQ(paired_difference({{1, 2, 3}}, {{1, 2, 3}}).p, 1);
  EXPECT_EQ(paired_difference({{2, 3, 4}}, {{1, 2, 3}}).p, 0);
}

// By hand: differences .02 .01 .015, mean .015, deviation .005, standard error .00288675, t(2, .975) = 4.3027.
TEST(Statistics, VerdictsSayDifferenceErrorAndInterval) {
  const std::vector<double> other{0.80, 0.81, 0.80};
  const std::vector<double> better{0.82, 0.82, 0.815};
  EXPECT_EQ(verdict(paired_difference(better, other), "all off"),
            "better than all off by 1.5 ± 0.3 points (95 % interval 0.3 to 2.7)");
  EXPECT_EQ(verdict(paired_difference(other, better), "the baseline"),
            "worse than the baseline by 1.5 ± 0.3 points (95 % interval 0.3 to 2.7)");
  // .03 -.01 .01: mean .01, standard error .011547.
  EXPECT_EQ(verdict(paired_difference(std::vector{0.83, 0.80, 0.81}, other), "all off"),
            "not distinguishable from all off: 1.0 ± 1.2 points (95 % interval -4.0 to 6.0)");
  EXPECT_EQ(verdict(paired_difference(std::vector{0.8001, 0.8102, 0.8001}, other), "all off"),
            "not distinguishable from all off: 0.01 ± 0.00 points (95 % interval -0.00 to 0.03)");
}

TEST(Statistics, VerdictsSayWhatDiverged) {
  const std::vector<double> good{0.8, 0.81, 0.8};
  EXPECT_EQ(verdict(paired_difference(std::vector{0.9, kNan, 0.9}, good), "all off"),
            "unstable: 1 of 3 trainings diverged");
  EXPECT_EQ(verdict(paired_difference(std::vector{0.9, kNan, 0.9, kNan}, std::vector{0.8, 0.8, 0.8, kNan}), "all off"),
            "unstable: 2 of 4 trainings diverged");
  EXPECT_EQ(verdict(paired_difference(std::vector{0.9, 0.91, 0.9}, std::vector{0.8, kNan, 0.81}), "all off"),
            "better than all off by 9.5 ± 0.5 points (95 % interval 3.1 to 15.9); of all off, 1 of 3 "
            "trainings diverged");
  EXPECT_EQ(verdict(paired_difference(std::vector{0.9}, std::vector{0.8}), "all off"),
            "not compared with all off: fewer than two pairs");
}

// The example of R's p.adjust: {0.01, 0.04, 0.03, 0.005} -> 0.03, 0.06, 0.06, 0.02.
TEST(Statistics, HolmsCorrection) {
  EXPECT_THAT(holm(std::vector<double>{0.01, 0.04, 0.03, 0.005}),
              ElementsAre(DoubleEq(0.03), DoubleEq(0.06), DoubleEq(0.06), DoubleEq(0.02)));
  EXPECT_THAT(holm(std::vector<double>{0.01, kNan, 0.6}),
              ElementsAre(DoubleEq(0.02), NanSensitiveDoubleEq(kNan), DoubleEq(0.6)));
  EXPECT_THAT(holm(std::vector<double>{0.7, 0.9}), ElementsAre(1, 1));
}

TEST(Statistics, HolmsIntervalsLeaveOutZeroWhereHolmRejects) {
  EXPECT_THAT(holm_confidences(std::vector<double>{0.01, kNan, 0.6}),
              ElementsAre(DoubleEq(0.975), NanSensitiveDoubleEq(kNan), DoubleEq(0.95)));
  EXPECT_THAT(holm_confidences(std::vector<double>{0.2, 0.04, 0.03}),
              ElementsAre(DoubleEq(1 - 0.05 / 3), DoubleEq(1 - 0.05 / 3), DoubleEq(1 - 0.05 / 3)))
      << "the first is not rejected";
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const std::vector<double> second(5, 0.5);
    std::vector<std::vector<double>> rows;
    std::vector<double> p;
    for (uint32_t row = 0; row < 6; ++row) {
      std::vector<double> first;
      for (uint32_t i = 0; i < 5; ++i) {
        first.push_back(0.5 + 0.3 * row + static_cast<double>(philox(i, row, 5, seed).v[0]) * 0x1p-32 - 0.5);
      }
      rows.push_back(first);
      p.push_back(paired_difference(first, second).p);
    }
    const std::vector<double> adjusted = holm(p), confidences = holm_confidences(p);
    for (size_t row = 0; row < rows.size(); ++row) {
      const Interval interval = paired_difference(rows[row], second, confidences[row]).interval;
      EXPECT_EQ(interval.low > 0 || interval.high < 0, adjusted[row] < 0.05) << seed << ", " << row;
    }
  }
}

TEST(Statistics, HolmKeepsWholeFamiliesAtFivePercent) {
  int64_t num_wrong = 0, num_wrong_without = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    std::vector<double> p;
    for (uint32_t i = 0; i < 22; ++i) p.push_back(static_cast<double>(philox(i, 3, 0, seed).v[0]) * 0x1p-32);
    num_wrong_without += *std::min_element(p.begin(), p.end()) < 0.05 ? 1 : 0;
    const std::vector<double> adjusted = holm(p);
    num_wrong += *std::min_element(adjusted.begin(), adjusted.end()) < 0.05 ? 1 : 0;
  }
  expect_rate(num_wrong, 4000, 1 - std::pow(1 - 0.05 / 22, 22));
  expect_rate(num_wrong_without, 4000, 1 - std::pow(0.95, 22));
}

TEST(Statistics, ResamplesAreAddressed) {
  EXPECT_EQ(bootstrap_resample(9, 5, 77), bootstrap_resample(9, 5, 77));
  EXPECT_NE(bootstrap_resample(9, 5, 77), bootstrap_resample(9, 5, 78));
  EXPECT_NE(bootstrap_resample(9, 5, 77), bootstrap_resample(9, 6, 77));
  std::vector<int64_t> counts(9, 0);
  for (int64_t i = 0; i < 1000; ++i) {
    for (const int64_t number : bootstrap_resample(9, 1, i)) ++counts.at(static_cast<size_t>(number));
  }
  for (const int64_t count : counts) expect_rate(count, 9000, 1.0 / 9);
}

TEST(Statistics, BootstrapIntervalsCoverAboutAsOftenAsTheySay) {
  int64_t num_outside = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const std::vector<double> values = normals(50, seed);
    const Interval interval = bootstrap_interval(50,
                                                 [&](std::span<const int64_t> numbers) {
                                                   double sum = 0;
                                                   for (const int64_t number : numbers)
                                                     sum += values[static_cast<size_t>(number)];
                                                   return sum / 50;
                                                 },
                                                 {200, 0.95, seed});
    num_outside += interval.low > 0 || interval.high < 0 ? 1 : 0;
  }
  // At n = 50 percentile intervals of a mean are narrower by sqrt(49/50) and Student's quantile: 5.9 % lie outside.
  expect_rate(num_outside, 400, 0.059);
}

TEST(Statistics, PercentilesLeaveOutWhatIsNotThere) {
  const Interval interval = percentile_interval({3, kNan, 1, 2, 5, 4}, 0.5);
  EXPECT_DOUBLE_EQ(interval.low, 2);
  EXPECT_DOUBLE_EQ(interval.high, 4);
  EXPECT_TRUE(std::isnan(percentile_interval({kNan}).low));
  EXPECT_THROW(bootstrap_interval(0, [](std::span<const int64_t>) { return 0.0; }), InvalidArgument);
}

}  // namespace
}  // namespace murmur
