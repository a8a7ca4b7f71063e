#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "murmur/pso/search_domain.hpp"

// What searchers are measured with: functions whose least value is 0.
namespace murmur::bench {

inline constexpr std::array<std::string_view, 5> kFunctions{"sphere", "rosenbrock", "rastrigin", "ackley", "griewank"};
inline constexpr std::array<std::string_view, 6> kVariants{"rotated",     "noisy",  "mixed",
                                                           "mixed-noisy", "sparse", "sparse-noisy"};

/// A function on [-5, 5]^D, shifted: its least value, 0, lies at a random place within the inner 80 % of each range.
///
/// rotated: by a random rotation, so that no dimension can be searched alone.
/// mixed:   not rotated; of three dimensions one has only 3 values, one is best exactly at its lower bound (half of
///          these) or within.
/// sparse:  not rotated; as settings of noise are: a dimension is off at its lower bound, and best there in three of
///          four; the others are best in the lower half of their range. All off is known: it is evaluated first.
/// noisy:   what a searcher is told has a normal error, whose standard deviation is 2 % of the function's median over
///          the domain: about what the good half of a search differs by after a hundred evaluations. Of sparse ones it
///          is 10 % of what all off lacks, as in a training of fc on Fashion-MNIST (0.2 points of 2).
///
/// Random: all of it follows from (function, variant, dimensions, seed); errors from the number of the evaluation.
/// Source: the functions' usual definitions and ranges (Rosenbrock 1960, Rastrigin 1974, Ackley 1987, Griewank 1981).
class TestProblem {
 public:
  /// Throws: InvalidArgument for a function or variant there is not.
  TestProblem(std::string_view function, std::string_view variant, int64_t num_dimensions, uint64_t seed);

  const SearchDomain& domain() const { return domain_; }
  /// What is known from the start, to be evaluated first: nothing, or one position.
  const std::vector<std::vector<double>>& starts() const { return starts_; }
  /// The value without an error, at least 0.
  double value(const std::vector<double>& position) const;
  /// What a searcher is told of its evaluation of this number.
  double observed(const std::vector<double>& position, int64_t evaluation) const;
  double noise() const { return noise_; }
  /// Where the value is 0.
  std::vector<double> optimum() const { return shift_; }

 private:
  void place_mixed();
  void place_sparse();
  std::vector<double> random_position(int64_t i) const;
  double median() const;

  size_t function_;
  uint64_t seed_;
  SearchDomain domain_;
  std::vector<std::vector<double>> starts_;
  std::vector<double> shift_;
  std::vector<std::vector<double>> rotation_;  // empty: none
  double noise_ = 0;
};

}  // namespace murmur::bench
