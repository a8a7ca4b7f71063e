#include "murmur/engine/math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "murmur/engine/random/distributions.hpp"

namespace murmur {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Documented: relative error < 1e-7 for every normal positive float. Every 1009th of the 2^31 bit patterns, and all
// patterns within 2^20 of 1, where the logarithm goes through zero and a relative bound is hardest.
TEST(Math, LogarithmIsWithinItsBound) {
  double worst = 0;
  const auto check = [&worst](uint32_t bits) {
    const auto x = std::bit_cast<float>(bits);
    const double exact = std::log(static_cast<double>(x));
    if (x != 1.0f) worst = std::max(worst, std::abs((static_cast<double>(logarithm(x)) - exact) / exact));
  };
  for (uint32_t bits = 0x00800000u; bits < 0x7f800000u; bits += 1009) check(bits);
  for (uint32_t bits = 0x3f700000u; bits < 0x3f900000u; ++bits) check(bits);
  EXPECT_LT(worst, 1e-7);
  EXPECT_EQ(logarithm(1.0f), 0.0f);
}

// Documented: relative error < 2e-7, and 0 below -87.
TEST(Math, ExponentialIsWithinItsBound) {
  double worst = 0;
  for (int64_t i = -8700000; i <= 8800000; ++i) {
    const float x = static_cast<float>(static_cast<double>(i) * 1e-5);
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs((static_cast<double>(exponential(x)) - exact) / exact));
  }
  EXPECT_LT(worst, 2e-7);
  EXPECT_EQ(exponential(0.0f), 1.0f);
}

TEST(Math, ExponentialOfTheExtremes) {
  EXPECT_EQ(exponential(-87.001f), 0.0f);
  EXPECT_EQ(exponential(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_TRUE(std::isnan(exponential(kNan)));
  EXPECT_TRUE(std::isnan(exponential(static_cast<double>(kNan))));
  EXPECT_GT(exponential(std::numeric_limits<float>::infinity()), 1e38f);
}

// Documented: absolute error < 1.1e-7, for the angle 2 pi (bits >> 7 + 1/2) / 2^25.
TEST(Math, SineAndCosineAreWithinTheirBound) {
  double worst = 0;
  for (uint64_t i = 0; i < (uint64_t{1} << 32); i += 641) {
    const auto bits = static_cast<uint32_t>(i);
    float sine = 0, cosine = 0;
    detail::sincos_turn(bits, sine, cosine);
    const double angle = 2 * M_PI * (static_cast<double>(bits >> 7) + 0.5) / 0x1p25;
    worst = std::max({worst, std::abs(static_cast<double>(sine) - std::sin(angle)),
                      std::abs(static_cast<double>(cosine) - std::cos(angle))});
  }
  EXPECT_LT(worst, 1.1e-7);
}

// Box-Muller of our polynomials against libm in double. radius <= 5.77 and |cos| <= 1, so: 5.77 x 1.1e-7 (angle)
// + the radius's relative error (half of the logarithm's 1e-7, and two roundings of 6e-8) x 5.77 + one rounding.
TEST(Math, NormalsAreThoseOfBoxAndMuller) {
  const double bound = 5.77 * (1.1e-7 + 0.5e-7 + 2 * 6e-8 + 6e-8);
  double worst = 0;
  for (uint32_t i = 0; i < 2000000; ++i) {
    const Quad<uint32_t> words{i * 2654435761u, i * 2246822519u + 12345u, ~(i * 3266489917u), i * 668265263u};
    const Quad<float> n = normal(words);
    for (int pair = 0; pair < 4; pair += 2) {
      const double u = (static_cast<double>(words.v[pair] >> 9) + 0.5) * 0x1p-23;
      const double angle = 2 * M_PI * (static_cast<double>(words.v[pair + 1] >> 7) + 0.5) / 0x1p25;
      const double radius = std::sqrt(-2 * std::log(u));
      worst = std::max({worst, std::abs(static_cast<double>(n.v[pair]) - radius * std::cos(angle)),
                        std::abs(static_cast<double>(n.v[pair + 1]) - radius * std::sin(angle))});
    }
  }
  EXPECT_LT(worst, bound);
}

}  // namespace
}  // namespace murmur
