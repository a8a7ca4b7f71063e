// What random regions and mixtures look like, seen from outside: their distributions, without their addresses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/kernels/input_run.hpp"
#include "tests/support/devices.hpp"

namespace murmur {
namespace {

class RegionDrawsTest : public test::DeviceTest {};
MURMUR_ON_EVERY_DEVICE(RegionDrawsTest);

/// Beta(a, a) up to x, by its series (Abramowitz & Stegun 26.5.4), whose terms fall at least as 2^-n where x <= 1/2.
double beta_cdf(double a, double x) {
  if (x > 0.5) return 1 - beta_cdf(a, 1 - x);
  double term = 1, sum = 1 / a;  // term = (1 - a)(2 - a) .. (n - a) x^n / n!
  for (int n = 1; n < 60; ++n) {
    term *= (n - a) * x / n;
    sum += term / (a + n);
  }
  return std::pow(x, a) * sum / std::exp(2 * std::lgamma(a) - std::lgamma(2 * a));
}

TEST(BetaCdf, IsTheUniformAndTheArcsineLaw) {
  for (double x = 0.01; x < 1; x += 0.01) {
    EXPECT_NEAR(beta_cdf(1, x), x, 1e-14);
    EXPECT_NEAR(beta_cdf(0.5, x), 2 / M_PI * std::asin(std::sqrt(x)), 1e-13);
  }
}

/// The shares of so many samples that are mixed (Technique::kMixup) with a; images are one pixel.
std::vector<float> shares_of(Stream& stream, double mixup, double cutmix, int64_t count) {
  const auto data = test::InputData::random({1, 1, 1}, count, 0, count);
  test::Population population(1, stream.device());
  population.set(Technique::kMixup, 0, mixup);
  population.set(Technique::kCutmix, 0, cutmix);
  return test::run_input<float>(stream, population, data, count).shares;
}

// Kolmogorov and Smirnov's distance, on a grid: it exceeds e with a probability below 2 exp(-2 n e^2) (Dvoretzky,
// Kiefer & Wolfowitz, with Massart's constant), here 1e-9. Shares are floats, but between the ends of the grid rounding
// moves the distribution by less than 1e-6.
TEST_P(RegionDrawsTest, SharesOfMixupAreBetaDistributed) {
  const int kCount = emulates_gpu() ? 1000 : 100000;
  const double bound = std::sqrt(std::log(2e9) / (2.0 * kCount)) + 1e-6;
  std::vector<double> grid{1e-6, 1e-5, 1e-4, 1e-3};
  for (double x = 0.01; x < 0.995; x += 0.01) grid.push_back(x);
  for (const double a : {1.0, 0.5, 0.2, 0.03}) {
    SCOPED_TRACE(::testing::Message() << "a = " << a);
    std::vector<float> shares = shares_of(stream(), a, 0, kCount);
    std::ranges::sort(shares);
    EXPECT_GE(shares.front(), 0.0f);
    EXPECT_LE(shares.back(), 1.0f);
    for (const double x : grid) {
      const auto below = std::ranges::upper_bound(shares, static_cast<float>(x)) - shares.begin();
      EXPECT_NEAR(static_cast<double>(below) / kCount, beta_cdf(static_cast<double>(static_cast<float>(a)), x), bound)
          << "at " << x;
    }
  }
}

// One pixel is all of an image or nothing: a box of CutMix is empty, and leaves the sample its whole label; a share of
// 1 from mixup has a probability of 6e-8. Five standard deviations.
TEST_P(RegionDrawsTest, BothWaysOfMixingHaveHalfOfTheSamples) {
  const int kCount = emulates_gpu() ? 1000 : 20000;
  const std::vector<float> shares = shares_of(stream(), 1, 1, kCount);
  const auto whole = std::ranges::count(shares, 1.0f);
  EXPECT_NEAR(static_cast<double>(whole), 0.5 * kCount, 2.5 * std::sqrt(static_cast<double>(kCount)));
}

/// The zeros of an image of ones.
struct Hole {
  int64_t width = 0, height = 0;
};

/// Expects the zeros to be one whole rectangle.
Hole hole_of(const std::vector<double>& image, const ImageSize& size) {
  int64_t left = size.width, right = -1, top = size.height, bottom = -1, count = 0;
  for (int64_t y = 0; y < size.height; ++y) {
    for (int64_t x = 0; x < size.width; ++x) {
      if (image[static_cast<size_t>(y * size.width + x)] != 0) continue;
      left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
      ++count;
    }
  }
  if (count == 0) return {};
  EXPECT_EQ(count, (right - left + 1) * (bottom - top + 1));
  return {right - left + 1, bottom - top + 1};
}

// Area and aspect are within their limits before the sides are rounded to pixels, by half a pixel each. None of ten
// rectangles fits with a probability below 1e-9 (one is too long with less than one in eight).
TEST_P(RegionDrawsTest, ErasedRectanglesHaveTheirAreaAndAspect) {
  const int kCount = emulates_gpu() ? 150 : 3000;
  constexpr double kProbability = 0.6;
  for (const ImageSize& size : {ImageSize{28, 28, 1}, ImageSize{20, 32, 1}}) {
    auto data = test::InputData::random(size, kCount, 0, kCount);
    std::ranges::fill(data.images, uint8_t{255});
    test::Population population(1, device());
    population.set(Technique::kRandomErasing, 0, kProbability);
    const auto result = test::run_input<float>(stream(), population, data, kCount);
    const auto all = static_cast<double>(size.height * size.width);
    int64_t num_erased = 0;
    double smallest = 1, largest = 0, flattest = 10, tallest = 0;
    for (int64_t row = 0; row < kCount; ++row) {
      const Hole hole = hole_of(result.row(0, row), size);
      if (hole.width == 0) continue;
      ++num_erased;
      const auto w = static_cast<double>(hole.width), h = static_cast<double>(hole.height);
      EXPECT_LE((w - 0.5) * (h - 0.5), 0.33 * all + 1e-3) << w << " x " << h;
      EXPECT_GE((w + 0.5) * (h + 0.5), 0.02 * all - 1e-3) << w << " x " << h;
      EXPECT_LE((h - 0.5) / (w + 0.5), 1 / 0.3 + 1e-3) << w << " x " << h;
      EXPECT_GE((h + 0.5) / (w - 0.5), 0.3 - 1e-3) << w << " x " << h;
      smallest = std::min(smallest, w * h / all), largest = std::max(largest, w * h / all);
      flattest = std::min(flattest, h / w), tallest = std::max(tallest, h / w);
    }
    EXPECT_NEAR(static_cast<double>(num_erased), kProbability * kCount,
                5 * std::sqrt(kCount * kProbability * (1 - kProbability)));
    if (emulates_gpu()) continue;  // too few to come near to all limits
    EXPECT_LT(smallest, 0.03);
    EXPECT_GT(largest, 0.3);
    EXPECT_LT(flattest, 0.35);
    EXPECT_GT(tallest, 2.8);
  }
}

}  // namespace
}  // namespace murmur
