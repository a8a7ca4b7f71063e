#include "bench/statistics/outcome.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace murmur::bench {
namespace {

// The quantiles of the tables: P(|Z| > 1.959964) = 0.05, P(chi-square of 10 > 18.307) = 0.05, of 1 > 6.6349: 0.01.
TEST(Outcome, HasThePValuesOfTheTables) {
  EXPECT_NEAR(from_z("", 1.959963985).p, 0.05, 1e-9);
  EXPECT_NEAR(from_z("", -3.290526731).p, 0.001, 1e-11);
  EXPECT_NEAR(from_chi_square("", 18.307038, 10).p, 0.1, 1e-7);  // two-sided
  EXPECT_NEAR(from_chi_square("", 6.634896601, 1).p, 0.02, 1e-8);
}

// Kolmogorov's limit law: K(1.3581) = 0.95, K(1.6276) = 0.99 (Smirnov's table); both series agree where they meet.
TEST(Outcome, KolmogorovsLawIsThatOfTheTable) {
  EXPECT_NEAR(kolmogorov_above(1.358098), 0.05, 1e-6);
  EXPECT_NEAR(kolmogorov_above(1.627624), 0.01, 1e-6);
  EXPECT_NEAR(kolmogorov_below(0.5 - 1e-9), kolmogorov_below(0.5), 1e-8);
  for (const double x : {0.3, 0.45, 0.5, 0.8, 2.0}) EXPECT_NEAR(kolmogorov_above(x) + kolmogorov_below(x), 1, 1e-12);
  EXPECT_EQ(kolmogorov_below(0), 0);
  EXPECT_LT(kolmogorov_above(4), 1e-13);
}

// Of ten fair coins: P(at most 1 head) = 11 / 1024, P(no head) = 1 / 1024.
TEST(Outcome, CountsAreExact) {
  EXPECT_NEAR(from_count("", 1, 10, 0.5).p, 22.0 / 1024, 1e-12);
  EXPECT_NEAR(from_count("", 0, 10, 0.5).p, 2.0 / 1024, 1e-12);
  EXPECT_NEAR(from_count("", 10, 10, 0.5).p, 2.0 / 1024, 1e-12);
  EXPECT_EQ(from_count("", 5, 10, 0.5).p, 1);
  EXPECT_EQ(from_count("", 0, 10, 0).p, 1);
  EXPECT_EQ(from_count("", 1, 10, 0).p, 0);
}

TEST(Outcome, WhatIsTooEvenIsAsSuspiciousAsWhatIsNot) {
  const std::vector<double> probabilities(1000, 1e-3);
  EXPECT_LT(from_counts("", std::vector<int64_t>(1000, 1000), probabilities).p, 1e-12);
  std::vector<int64_t> uneven(1000, 1000);
  for (size_t i = 0; i < uneven.size(); ++i) uneven[i] += i % 2 == 0 ? 100 : -100;
  EXPECT_LT(from_counts("", uneven, probabilities).p, 1e-12);
  EXPECT_LT(from_distance("", 1e-5, 1e6).p, 1e-12);
  EXPECT_LT(from_distance("", 1e-2, 1e6).p, 1e-12);
  EXPECT_GT(from_distance("", 0.87e-3, 1e6).p, 0.5);
}

TEST(Outcome, HasTheZScoreOfItsP) {
  for (const double z : {0.0, 0.5, 2.0, 5.0, 12.0}) EXPECT_NEAR(z_of_p(from_z("", z).p), z, 1e-6);
  EXPECT_EQ(z_of_p(1), 0);
  EXPECT_GT(z_of_p(0), 36);
}

}  // namespace
}  // namespace murmur::bench
