#pragma once

#include <string>
#include <vector>

#include "bench/statistics/case.hpp"
#include "bench/statistics/outcome.hpp"

// Tests that random numbers are independent of their neighbours.
namespace murmur::bench {

/// Tests of pairs (x, y), each of which must be independent of all others.
///   correlation   sum z(x) z(y) / sqrt n: standard normal, mean and deviation being known
///   squares       the same of (z^2 - 1): a common scale, or a common radius of normals
///   grid          chi-square of 16 x 16 cells
class PairTest {
 public:
  PairTest(const Law& x, const Law& y);
  void add(float x, float y) {
    const double a = x_.standardised(x);
    const double b = y_.standardised(y);
    products_ += a * b;
    squares_ += (a * a - 1) * (b * b - 1);
    ++counts_[x_cells_.of(x) * y_cells_.size() + y_cells_.of(y)];
    ++num_pairs_;
  }
  /// Their names begin with `prefix`.
  std::vector<Outcome> outcomes(const std::string& prefix) const;

 private:
  const Law& x_;
  const Law& y_;
  Cells x_cells_, y_cells_;
  std::vector<int64_t> counts_;
  double products_ = 0;
  double squares_ = 0;
  int64_t num_pairs_ = 0;
};

/// The tests of one case, each of n values:
///   the pairs of lanes of a quad;
///   neighbours in each coordinate that the case has (PairTest);
///   and, for each coordinate, `sums`: the squares of sums over 64 neighbours, whose mean is above that of independent
///   values by 63 times the correlation that they have in common.
std::vector<Outcome> neighbour_tests(const Case& tested, uint64_t seed, int64_t n);

/// The tests of the values of two techniques with the same layout at the same places: only the technique in their
/// addresses differs.
std::vector<Outcome> technique_tests(const Case& first, const Case& second, uint64_t seed, int64_t n);

}  // namespace murmur::bench
