#include "bench/statistics/fourier.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace murmur::bench {
namespace {

TEST(Fourier, IsTheSumOfItsDefinition) {
  for (const size_t n : {size_t{1}, size_t{2}, size_t{8}, size_t{64}}) {
    std::vector<std::complex<double>> x(n);
    for (size_t i = 0; i < n; ++i)
      x[i] = {std::sin(static_cast<double>(i * i)), std::cos(3.0 * static_cast<double>(i))};
    std::vector<std::complex<double>> transformed = x;
    fourier_transform(transformed);
    for (size_t k = 0; k < n; ++k) {
      std::complex<double> sum = 0;
      for (size_t j = 0; j < n; ++j) {
        sum += x[j] * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(j * k) / static_cast<double>(n));
      }
      EXPECT_LT(std::abs(transformed[k] - sum), 1e-12 * static_cast<double>(n)) << k << " of " << n;
    }
  }
}

// cos(2 pi 100 i / 4096) sqrt 2 has all of its power at one frequency, n / 2 in each block; of the other block, none.
TEST(Fourier, SpectrumIsThatOfBothBlocks) {
  std::vector<float> values(3 * 4096);
  for (size_t i = 0; i < 4096; ++i) {
    values[i] =
        static_cast<float>(std::sqrt(2.0) * std::cos(2 * std::numbers::pi * 100 * static_cast<double>(i) / 4096));
    values[4096 + i] = static_cast<float>(i % 2 == 0 ? 1 : -1);
  }
  const MeanSpectrum spectrum = mean_spectrum(values, normal_law(0, 1));
  EXPECT_EQ(spectrum.num_blocks, 2);
  ASSERT_EQ(spectrum.power.size(), 2047);
  for (size_t k = 1; k < 2048; ++k) EXPECT_NEAR(spectrum.power[k - 1], k == 100 ? 4096 / 2.0 / 2 : 0, 1e-3) << k;
}

}  // namespace
}  // namespace murmur::bench
