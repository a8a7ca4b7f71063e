#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace murmur {

/// What a designed sample gave: n settings of D dimensions, and how well each did.
struct Sample {
  /// [D][n], in any units that keep the order: only the order of values counts, or of a category that they are equal.
  std::vector<std::vector<double>> columns;
  /// [D]. False: categories, which have no order.
  std::vector<bool> is_ordered;
  /// [n], higher is better. NaN: failed (diverged), worse than everything else and equal to all that failed.
  std::vector<double> values;

  int64_t num_dimensions() const { return static_cast<int64_t>(columns.size()); }
  int64_t size() const { return static_cast<int64_t>(values.size()); }
};

/// Throws: InvalidArgument where the lengths do not fit, a coordinate is not finite, or there are fewer than 3 values.
void check_sample(const Sample& sample);

/// The settings of these numbers, in this order.
Sample subset(const Sample& sample, std::span<const int64_t> numbers);

/// The rank of every value, 1 for the smallest; equal values share the mean of theirs; NaN counts as the smallest.
std::vector<double> ranks(std::span<const double> values);

/// A dimension cut into levels: [n], 0 for the lowest. Categories have one each. Ordered values have at most
/// `num_levels` of about equal size; equal values (a technique that is off) stay together, and have a level of their
/// own where they would fill one.
std::vector<int64_t> levels(std::span<const double> column, bool is_ordered, int64_t num_levels);

}  // namespace murmur
