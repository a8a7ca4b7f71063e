#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/statistics/law.hpp"

namespace murmur::bench {

/// x[k] becomes the sum of x[j] exp(-2 pi i j k / n). Shapes: n a power of two.
void fourier_transform(std::span<std::complex<double>> x);

struct MeanSpectrum {
  std::vector<double> power;  // |transform|^2 / n of the frequencies 1 .. n / 2 - 1: 1 each for independent values
  int64_t num_blocks = 0;
};

/// The mean spectrum of blocks of 4,096 standardised values; those beyond the last pair of blocks are left out.
/// Shapes: at least 8,192 values.
MeanSpectrum mean_spectrum(std::span<const float> values, const Law& law);

}  // namespace murmur::bench
