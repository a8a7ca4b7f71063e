#include "murmur/engine/random/distributions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "murmur/engine/random/philox.hpp"

namespace murmur {
namespace {

TEST(Uniform, IsNeverZeroNorOneAndExact) {
  EXPECT_EQ(uniform(0u), 0x1p-24f);
  EXPECT_EQ(uniform(0xffffffffu), 1.0f - 0x1p-24f);
  for (uint64_t i = 0; i < (uint64_t{1} << 23); ++i) {
    // (i + 1/2) 2^-23 needs 24 bits: a float holds it exactly.
    const double expected = (static_cast<double>(i) + 0.5) * 0x1p-23;
    ASSERT_EQ(static_cast<double>(uniform(static_cast<uint32_t>(i << 9))), expected);
    ASSERT_EQ(uniform(static_cast<uint32_t>(i << 9)), uniform(static_cast<uint32_t>(i << 9 | 0x1ff)));
  }
}

TEST(Uniform, OfAQuadIsThatOfItsWords) {
  const Quad<uint32_t> words{1u << 9, 77u << 9, 0xffffffffu, 0u};
  const Quad<float> u = uniform(words);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(u.v[i], uniform(words.v[i]));
}

constexpr int64_t kQuads = 1 << 20;
constexpr double kCount = 4.0 * kQuads;

/// Sums of powers of all four normals of kQuads counters, and of each of the four by itself.
struct Moments {
  std::array<double, 5> power{};   // mean of n^k
  std::array<double, 4> mean{};    // by place in the quad
  std::array<double, 4> beyond{};  // frequency of |n| > k + 1
  double largest = 0;
};

Moments moments_of(uint64_t seed, uint32_t site) {
  Moments result;
  for (int64_t i = 0; i < kQuads; ++i) {
    const Quad<float> n = normal(philox(static_cast<uint64_t>(i), site, 0, seed));
    for (size_t j = 0; j < 4; ++j) {
      const double x = static_cast<double>(n.v[j]);
      double power = 1;
      for (double& sum : result.power) {
        sum += power / kCount;
        power *= x;
      }
      result.mean[j] += x / static_cast<double>(kQuads);
      for (size_t k = 0; k < 4; ++k) result.beyond[k] += std::abs(x) > static_cast<double>(k + 1) ? 1 / kCount : 0;
      result.largest = std::max(result.largest, std::abs(x));
    }
  }
  return result;
}

// n = 4 x 2^20. The mean of n^k has variance (E n^2k - (E n^k)^2) / n: 1, 2, 15, 96 for k = 1..4. Bound: 5 standard
// deviations (chance of a false alarm 6e-7 each, and the draws are fixed).
TEST(Normal, MomentsAreThoseOfTheNormalDistribution) {
  const std::array<double, 5> expected{1, 0, 1, 0, 3};
  const std::array<double, 5> variance{0, 1, 2, 15, 96};
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0xdeadbeefcafe}}) {
    const Moments moments = moments_of(seed, 7);
    for (size_t k = 1; k < 5; ++k) {
      EXPECT_NEAR(moments.power[k], expected[k], 5 * std::sqrt(variance[k] / kCount)) << "moment " << k;
    }
    for (const double mean : moments.mean) EXPECT_NEAR(mean, 0, 5 / std::sqrt(static_cast<double>(kQuads)));
  }
}

// A frequency has variance q (1 - q) / n; q = erfc(k / sqrt 2). Bound: 5 standard deviations.
TEST(Normal, TailsAreThoseOfTheNormalDistribution) {
  const Moments moments = moments_of(11, 7);
  for (size_t k = 0; k < 4; ++k) {
    const double q = std::erfc(static_cast<double>(k + 1) / std::sqrt(2.0));
    EXPECT_NEAR(moments.beyond[k], q, 5 * std::sqrt(q * (1 - q) / kCount)) << "beyond " << k + 1;
  }
  EXPECT_LE(moments.largest, 5.7683);  // sqrt(-2 ln 2^-24) = 5.76820...
}

TEST(Normal, LargestIsThatOfTheSmallestUniform) {
  const Quad<float> n = normal(Quad<uint32_t>{0, 0, 0, 0x40000000u});
  const double radius = std::sqrt(-2 * std::log(0x1p-24));
  EXPECT_NEAR(static_cast<double>(n.v[0]), radius, 2e-6);  // angle 2^-26 of a turn
  EXPECT_NEAR(static_cast<double>(n.v[3]), radius, 2e-6);
}

using Draw = std::function<double(int64_t)>;

/// Correlation of two sequences of standard normals: a sum of products of independent ones has variance n.
double correlation_z(const Draw& a, const Draw& b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a(i) * b(i);
  return sum / std::sqrt(static_cast<double>(n));
}

Quad<float> normals(int64_t position, uint32_t site, uint64_t seed) {
  return normal(philox(static_cast<uint64_t>(position), site, 0, seed));
}

// Values, and squares (a generator may have uncorrelated values of correlated size; (n^2 - 1) / sqrt 2 is
// standardised). Bound: 5 standard deviations.
void expect_independent(const Draw& a, const Draw& b) {
  constexpr int64_t kN = 50000;
  const auto squared = [](const Draw& draw) {
    return [&draw](int64_t i) { return (draw(i) * draw(i) - 1) / std::sqrt(2.0); };
  };
  EXPECT_LT(std::abs(correlation_z(a, b, kN)), 5);
  EXPECT_LT(std::abs(correlation_z(squared(a), squared(b), kN)), 5);
}

Draw draw(int word, int64_t shift, uint32_t site, uint64_t seed) {
  return [=](int64_t i) { return static_cast<double>(normals(i + shift, site, seed).v[word]); };
}

TEST(Normal, WordsOfAQuadAreIndependent) {
  for (int a = 0; a < 4; ++a) {
    for (int b = a + 1; b < 4; ++b) {
      SCOPED_TRACE(testing::Message() << "words " << a << " and " << b);
      expect_independent(draw(a, 0, 3, 5), draw(b, 0, 3, 5));
    }
  }
}

TEST(Normal, NeighboursInPositionSiteAndSeedAreIndependent) {
  const Draw base = draw(0, 0, 3, 5);
  for (int word = 0; word < 4; ++word) {
    SCOPED_TRACE(testing::Message() << "word " << word);
    expect_independent(base, draw(word, 1, 3, 5));                        // next quad
    expect_independent(base, draw(word, 13, 3, 5));                       // next item of 13 quads
    expect_independent(base, draw(word, int64_t{1} << 32, 3, 5));         // high half of the position
    expect_independent(base, draw(word, 0, 4, 5));                        // next layer
    expect_independent(base, draw(word, 0, 3 + (1u << 24), 5));           // next technique
    expect_independent(base, draw(word, 0, 3, 6));                        // next seed
    expect_independent(base, draw(word, 0, 3, 5 + (uint64_t{1} << 32)));  // high half of the seed
  }
}

// A fair coin has variance 1/4 n; bound: 5 standard deviations, for each of the 32 bits of each word.
TEST(Philox, EveryBitIsFair) {
  constexpr int64_t kN = 50000;
  std::vector<int64_t> ones(128);
  for (int64_t i = 0; i < kN; ++i) {
    const Quad<uint32_t> words = philox(static_cast<uint64_t>(i), 1, 0, 2);
    for (size_t bit = 0; bit < 128; ++bit) ones[bit] += words.v[bit / 32] >> (bit % 32) & 1;
  }
  for (const int64_t count : ones) EXPECT_LT(std::abs(static_cast<double>(count) - kN / 2.0), 2.5 * std::sqrt(kN));
}

}  // namespace
}  // namespace murmur
