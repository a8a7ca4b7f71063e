#include "bench/statistics/fourier.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace murmur::bench {
namespace {

constexpr size_t kBlock = 4096;

using Complex = std::complex<double>;

/// Moves x[k] to the place whose bits are those of k, turned round.
void reverse_bits(std::span<Complex> x) {
  for (size_t k = 1, reversed = 0; k < x.size(); ++k) {
    size_t bit = x.size() / 2;
    for (; (reversed & bit) != 0; bit /= 2) reversed ^= bit;
    reversed ^= bit;
    if (k < reversed) std::swap(x[k], x[reversed]);
  }
}

}  // namespace

// Source: Cooley & Tukey 1965.
void fourier_transform(std::span<Complex> x) {
  reverse_bits(x);
  for (size_t half = 1; half < x.size(); half *= 2) {
    for (size_t j = 0; j < half; ++j) {
      const double angle = -std::numbers::pi * static_cast<double>(j) / static_cast<double>(half);
      const double c = std::cos(angle);
      const double s = std::sin(angle);
      for (size_t k = j; k < x.size(); k += 2 * half) {
        // Written out: the product of std::complex asks for NaN.
        const Complex y = x[k + half];
        const Complex turned{c * y.real() - s * y.imag(), c * y.imag() + s * y.real()};
        x[k + half] = x[k] - turned;
        x[k] += turned;
      }
    }
  }
}

MeanSpectrum mean_spectrum(std::span<const float> values, const Law& law) {
  MeanSpectrum result{std::vector<double>(kBlock / 2 - 1), 0};
  std::vector<Complex> x(kBlock);
  // Two blocks are one transform: their powers at k and n - k add up.
  for (size_t first = 0; first + 2 * kBlock <= values.size(); first += 2 * kBlock) {
    for (size_t i = 0; i < kBlock; ++i) {
      x[i] = {law.standardised(values[first + i]), law.standardised(values[first + kBlock + i])};
    }
    fourier_transform(x);
    for (size_t k = 1; k < kBlock / 2; ++k) {
      result.power[k - 1] += (std::norm(x[k]) + std::norm(x[kBlock - k])) / (2 * static_cast<double>(kBlock));
    }
    result.num_blocks += 2;
  }
  for (double& power : result.power) power /= static_cast<double>(result.num_blocks);
  return result;
}

}  // namespace murmur::bench
