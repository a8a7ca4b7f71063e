#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "murmur/pso/random.hpp"
#include "murmur/pso/search_domain.hpp"

namespace murmur {

/// A density over a domain from observed positions: a mixture of one kernel an observation and a wide one, the prior,
/// each a product over the dimensions.
///
/// A continuous dimension's kernel is normal and censored: what lies beyond a bound is at it, exactly, and has its
/// probability there, so that positions at a bound (off) are drawn and compared like others. Its deviation is 0.2
/// n^(-1 / (D + 4)) of the range, at least 1 / min(100, n + 1) of it. A discrete dimension's kernel has the
/// observation's value, and each of K values with the weight 1 / (K n) of it.
/// Source: Bergstra et al., NeurIPS 2011; Falkner et al. (BOHB), ICML 2018; Watanabe, arXiv:2304.11127 (2023), whose
///         names for Optuna's values these are.
class ParzenEstimator {
 public:
  /// `weights` one an observation, > 0; the prior's is 1.
  ParzenEstimator(const SearchDomain& domain, std::vector<std::vector<double>> observations,
                  std::vector<double> weights);

  /// A position: `uniforms(d)` are two numbers in (0, 1) for dimension d, and for the number of dimensions those that
  /// choose the kernel.
  std::vector<double> sample(const std::function<UniformPair(int64_t d)>& uniforms) const;

  /// The logarithm of the density; at a bound of a continuous dimension of the probability.
  double log_density(const std::vector<double>& position) const;

 private:
  size_t value_of(size_t d, double x) const;
  double value_position(size_t d, size_t value) const;
  double log_kernel(size_t kernel, const std::vector<double>& position) const;

  const SearchDomain* domain_;
  std::vector<std::vector<double>> centers_;  // the last: the prior's, the middle
  std::vector<double> cumulative_;            // of the weights
  std::vector<double> log_weights_;
  std::vector<double> deviations_;                   // of each dimension; the prior's is the range
  std::vector<double> log_deviations_, log_ranges_;  // of them and of the prior's, times sqrt(2 pi)
  double other_value_ = 0;  // the weight of each value beside 1 for the observation's: 1 / n, of all K
};

}  // namespace murmur
