#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace murmur {

/// What the values of a tensor are like. Mean, deviation (of the population, not of a sample), minimum and maximum are
/// those of the finite values, and NaN where there is none.
struct Distribution {
  int64_t count = 0;  // of all values
  int64_t num_not_finite = 0;
  double mean = 0, deviation = 0;
  double zeros = 0;  // the share of all values that are exactly 0
  double minimum = 0, maximum = 0;
};
Distribution distribution(std::span<const float> values);

/// Two tensors on one axis. Zeros, which can be most of what there is, are counted apart.
struct Histograms {
  static constexpr int64_t kBins = 40;

  double low = 0, high = 0;            // the axis
  std::vector<int64_t> before, after;  // [kBins] how many of the finite values but 0 are in each part of the axis
};

/// The axis has the 99 % of either that are in the middle; what is outside counts in the first or the last bin. It has
/// 0 where one has zeros.
Histograms histograms(std::span<const float> before, std::span<const float> after);

}  // namespace murmur
