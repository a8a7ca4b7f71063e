#include "bench/statistics/law.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "murmur/engine/random/distributions.hpp"

namespace murmur::bench {
namespace {

std::vector<Law> continuous_laws() {
  return {uniform_law(0, 1),  uniform_law(-0.1, 0.1), normal_law(0, 1),   normal_law(0.5, 0.01),
          exponential_law(1), exponential_law(3),     beta_law(0.2, 0.2), beta_law(2, 5)};
}

// E z^k as the sum of z^k P(cell) over cells of 1/400 of a deviation, z in their middles, from 12 deviations below the
// mean to 40 above it (e^-41 41^8 is 1e-5 of the eighth moment of the exponential law). A probability lies at most
// 1/800 from its cell's middle, and Beta(0.2, 0.2), whose density is not finite at its ends, has a tenth of its own in
// the last cells: 8 x 1.2^7 x 0.2 / 800 is 0.7 % of its eighth moment.
TEST(Law, MomentsAreThoseOfItsCumulativeFunction) {
  constexpr int kPerDeviation = 400;
  for (const Law& law : continuous_laws()) {
    SCOPED_TRACE(law.name());
    std::vector<double> sums(Law::kNumMoments);
    double below = 0;
    for (int i = -12 * kPerDeviation; i < 40 * kPerDeviation; ++i) {
      const double up_to = law.cdf(law.mean() + law.deviation() * (i + 1) / kPerDeviation);
      const double z = (i + 0.5) / kPerDeviation;
      for (size_t k = 0; k < sums.size(); ++k) sums[k] += std::pow(z, static_cast<double>(k)) * (up_to - below);
      below = up_to;
    }
    for (size_t k = 0; k < sums.size(); ++k) EXPECT_NEAR(sums[k], law.moment(k), 0.007 * law.moment(k) + 2e-3) << k;
  }
}

TEST(Law, StandardMomentsAreExact) {
  const Law normal = normal_law(100, 1e-3);
  EXPECT_NEAR(normal.moment(4), 3, 1e-12);
  EXPECT_NEAR(normal.moment(8), 105, 1e-10);
  const Law uniform = uniform_law(0.95, 1.05);
  EXPECT_NEAR(uniform.moment(4), 1.8, 1e-12);
  EXPECT_NEAR(uniform.moment(8), 9, 1e-10);
  const Law exponential = exponential_law(2);
  EXPECT_NEAR(exponential.moment(3), 2, 1e-12);
  EXPECT_NEAR(exponential.moment(8), 14833, 1e-6);
  const Law coin = two_valued_law(0, 1, 0.25);  // skewness (1 - 2 p) / sqrt(p q), E z^4 = (1 - 3 p q) / (p q)
  EXPECT_NEAR(coin.mean(), 0.25, 1e-15);
  EXPECT_NEAR(coin.moment(3), 0.5 / std::sqrt(0.1875), 1e-12);
  EXPECT_NEAR(coin.moment(4), (1 - 3 * 0.1875) / 0.1875, 1e-12);
  const Law integers = integers_law(6);
  EXPECT_NEAR(integers.mean(), 2.5, 1e-12);
  EXPECT_NEAR(integers.deviation() * integers.deviation(), 35.0 / 12, 1e-12);
}

TEST(Law, TailsAreThoseOfItsCumulativeFunction) {
  EXPECT_NEAR(normal_law(1, 2).beyond(3), 0.0026997960632601866, 1e-15);
  EXPECT_NEAR(normal_law(1, 2).beyond(5), 5.733031437583866e-7, 1e-15);
  EXPECT_EQ(uniform_law(0, 1).beyond(3), 0);
  EXPECT_NEAR(exponential_law(1).beyond(3), std::exp(-4), 1e-15);
  EXPECT_EQ(two_valued_law(0, 1, 0.5).beyond(3), 0);
  EXPECT_NEAR(two_valued_law(0, 1, 0.01).beyond(3), 0.01, 1e-15);
}

void expect_cells(const Cells& cells, size_t count) {
  EXPECT_EQ(cells.size(), count);
  EXPECT_EQ(cells.bounds().size() + 1, count);
  EXPECT_NEAR(std::accumulate(cells.probabilities().begin(), cells.probabilities().end(), 0.0), 1, 1e-12);
}

TEST(Cells, HaveEqualProbability) {
  for (const Law& law : continuous_laws()) {
    SCOPED_TRACE(law.name());
    const Cells cells(law, 16);
    expect_cells(cells, 16);
    for (const double p : cells.probabilities()) EXPECT_NEAR(p, 1.0 / 16, 1e-4);  // bounds are floats
  }
  const Cells dice(integers_law(48000), 1000);
  expect_cells(dice, 1000);
  for (const double p : dice.probabilities()) EXPECT_NEAR(p, 1e-3, 1e-12);
}

TEST(Cells, AtomsAreNotCut) {
  const Cells rare(two_valued_law(0, 1, 0.01), 16);
  expect_cells(rare, 2);
  EXPECT_NEAR(rare.probabilities()[1], 0.01, 1e-15);
  EXPECT_EQ(rare.of(0), 0);
  EXPECT_EQ(rare.of(1), 1);
  const Law salt("salt and pepper", {{0, 0.05}, {0.5, 0.9}, {1, 0.05}});
  const Cells three(salt, 16);
  expect_cells(three, 3);
  EXPECT_EQ(three.of(0.5), 1);
}

// All 2^23 uniforms counted.
TEST(Law, KeepProbabilityIsExact) {
  for (const float p : {0.0f, 1e-9f, 0.01f, 0.1f, 0.3f, 0.5f, 0.9f, 0.99999994f, 1.0f}) {
    int64_t kept = 0;
    for (uint32_t i = 0; i < (1u << 23); ++i) kept += uniform(i << 9) > p ? 1 : 0;
    EXPECT_EQ(keep_probability(p), static_cast<double>(kept) * 0x1p-23) << p;
  }
}

}  // namespace
}  // namespace murmur::bench
