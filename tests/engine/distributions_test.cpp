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

// What a GPU computes instead.
TEST(Uniform, IsAMantissaLessOneExactly) {
  for (uint64_t i = 0; i < (uint64_t{1} << 23); ++i) {
    const auto bits = static_cast<uint32_t>(i << 9 | 0x155);
    ASSERT_EQ(detail::one_and(bits) - (1.0f - 0x1p-24f), uniform(bits));
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

template <class Normals = ExactNormals>
Moments moments_of(uint64_t seed, uint32_t site) {
  Moments result;
  for (int64_t i = 0; i < kQuads; ++i) {
    const Quad<float> n = Normals()(philox(static_cast<uint64_t>(i), site, 0, seed));
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
void expect_moments_of_a_normal(const Moments& moments) {
  const std::array<double, 5> expected{1, 0, 1, 0, 3};
  const std::array<double, 5> variance{0, 1, 2, 15, 96};
  for (size_t k = 1; k < 5; ++k) {
    EXPECT_NEAR(moments.power[k], expected[k], 5 * std::sqrt(variance[k] / kCount)) << "moment " << k;
  }
  for (const double mean : moments.mean) EXPECT_NEAR(mean, 0, 5 / std::sqrt(static_cast<double>(kQuads)));
}

TEST(Normal, MomentsAreThoseOfTheNormalDistribution) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0xdeadbeefcafe}}) {
    expect_moments_of_a_normal(moments_of(seed, 7));
  }
}

// A frequency has variance q (1 - q) / n; q = erfc(k / sqrt 2). Bound: 5 standard deviations.
void expect_tails_of_a_normal(const Moments& moments) {
  for (size_t k = 0; k < 4; ++k) {
    const double q = std::erfc(static_cast<double>(k + 1) / std::sqrt(2.0));
    EXPECT_NEAR(moments.beyond[k], q, 5 * std::sqrt(q * (1 - q) / kCount)) << "beyond " << k + 1;
  }
  EXPECT_LE(moments.largest, 5.7683);  // sqrt(-2 ln 2^-24) = 5.76820...
}

TEST(Normal, TailsAreThoseOfTheNormalDistribution) {
  expect_tails_of_a_normal(moments_of(11, 7));
}

TEST(Normal, LargestIsThatOfTheSmallestUniform) {
  const Quad<float> n = normal(Quad<uint32_t>{0, 0, 0, 0x40000000u});
  const double radius = std::sqrt(-2 * std::log(0x1p-24));
  EXPECT_NEAR(static_cast<double>(n.v[0]), radius, 2e-6);  // angle 2^-26 of a turn
  EXPECT_NEAR(static_cast<double>(n.v[3]), radius, 2e-6);
}

// The fast normals of a GPU, with functions that are off by all that their documentation allows.

enum class Fault : uint8_t { kNone, kAbove, kBelow, kEither };

/// +1 or -1. kEither: by the value's bits, so that neighbours differ.
template <Fault kError>
double sign_of(float x) {
  if (kError == Fault::kNone) return 0;
  if (kError == Fault::kEither) return (detail::as_bits(x) * 0x9E3779B9u >> 31) != 0 ? 1 : -1;
  return kError == Fault::kAbove ? 1 : -1;
}

template <Fault kError>
struct WorstFunctions {
  static float off(double exact, double error, float x) {
    return static_cast<float>(exact + sign_of<kError>(x) * error);
  }
  static float log2(float x) {
    const double exact = std::log2(static_cast<double>(x));
    const double ulp = std::exp2(std::floor(std::log2(std::abs(exact))) - 23);
    return off(exact, x >= 0.5f ? 0x1p-22 : 2 * ulp, x);
  }
  static float root(float x) {
    const double exact = std::sqrt(static_cast<double>(x));
    return off(exact, 0x1p-23 * exact, x);
  }
  static float sine(float x) { return off(std::sin(static_cast<double>(x)), std::exp2(-21.41), x); }
  static float cosine(float x) { return off(std::cos(static_cast<double>(x)), std::exp2(-21.19), x); }
};

template <Fault kError>
struct WorstNormals {
  Quad<float> operator()(const Quad<uint32_t>& words) const {
    return detail::approximate_normal<WorstFunctions<kError>>(words);
  }
};

/// The largest distance of the distribution of n normals from the normal one (Kolmogorov, Smirnov).
template <class Normals>
double distance_from_normal(uint64_t seed, int64_t num_quads) {
  std::vector<float> n;
  for (int64_t i = 0; i < num_quads; ++i) {
    const Quad<float> quad = Normals()(philox(static_cast<uint64_t>(i), 7, 0, seed));
    n.insert(n.end(), quad.v, quad.v + 4);
  }
  std::sort(n.begin(), n.end());
  double largest = 0;
  const double count = static_cast<double>(n.size());
  for (size_t i = 0; i < n.size(); ++i) {
    const double expected = 0.5 * std::erfc(-static_cast<double>(n[i]) / std::sqrt(2.0));
    const double i_th = static_cast<double>(i);
    largest = std::max({largest, expected - i_th / count, (i_th + 1) / count - expected});
  }
  return largest;
}

/// Of both members of a pair: |fast - exact|, per unit of the radius, and beside what the logarithm allows.
template <Fault kError>
void expect_close_to_exact() {
  for (int64_t i = -1; i < kQuads; ++i) {
    Quad<uint32_t> words = philox(static_cast<uint64_t>(i), 7, 0, 3);
    // Logarithms near 0 are the worst: half of the draws have one.
    if (i % 2 != 0) words.v[0] |= ~0u << (i & 31);
    const Quad<float> exact = normal(words);
    const Quad<float> fast = WorstNormals<kError>()(words);
    for (size_t pair = 0; pair < 2; ++pair) {
      const double radius = std::sqrt(-2 * std::log(static_cast<double>(uniform(words.v[2 * pair]))));
      // Angle: 2^-21.19 of cosine, half a step of 2^-23 turns (3.8e-7) and roundings (2.8e-7) are 1.1e-6, the exact
      // normals' own error 1.1e-7. Radius: 2 ulp of the logarithm are 2^-23, the root another one, roundings
      // 2^-23: 3.6e-7. Below log2 = 1, 2 ln 2 2^-22 = 3.3e-7 of the square r^2; sqrt(r^2 + d) - r <= min(sqrt d, d /
      // r).
      const double bound = 1.7e-6 * radius + std::min(5.8e-4, 3.4e-7 / radius);
      for (size_t j = 2 * pair; j < 2 * pair + 2; ++j) {
        ASSERT_NEAR(static_cast<double>(fast.v[j]), static_cast<double>(exact.v[j]), bound)
            << "quad " << i << ", " << j;
      }
    }
  }
}

TEST(FastNormal, IsCloseToTheExactOne) {
  expect_close_to_exact<Fault::kNone>();
  expect_close_to_exact<Fault::kAbove>();
  expect_close_to_exact<Fault::kBelow>();
  expect_close_to_exact<Fault::kEither>();
}

// The bounds above move a mean of n^k by less than k E|n|^(k-1) 1e-5 and a frequency by less than 1e-5: a hundredth of
// what five standard deviations allow.
template <Fault kError>
void expect_normal_distribution() {
  const Moments moments = moments_of<WorstNormals<kError>>(1, 7);
  expect_moments_of_a_normal(moments);
  expect_tails_of_a_normal(moments);
  // P(sqrt(n) D > 3) = 2 exp(-18) = 3e-8.
  constexpr int64_t kN = 1 << 18;
  EXPECT_LT(distance_from_normal<WorstNormals<kError>>(5, kN), 3 / std::sqrt(4.0 * kN));
}

TEST(FastNormal, HasTheNormalDistribution) {
  expect_normal_distribution<Fault::kNone>();
  expect_normal_distribution<Fault::kAbove>();
  expect_normal_distribution<Fault::kBelow>();
  expect_normal_distribution<Fault::kEither>();
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
