#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What a statistical test says. Every p value is two-sided: what agrees too well with its law is as suspicious as what
// does not agree.
namespace murmur::bench {

struct Outcome {
  std::string test;
  std::string statistic;  // what `value` is: z, chi-square, distance, count
  double value = 0;
  double expected = 0;  // the mean of `value` where the law holds
  double p = 1;
};

/// A value that is standard normal where the law holds.
Outcome from_z(std::string test, double z);

/// Pearson's statistic. Shapes: freedom >= 1.
Outcome from_chi_square(std::string test, double value, double freedom);

/// Pearson's statistic of counts [cells] whose cells have these probabilities, which are positive and add up to 1.
Outcome from_counts(std::string test, const std::vector<int64_t>& counts, const std::vector<double>& probabilities);

/// The largest distance of the cumulative function of n values from the exact one.
/// Source: Kolmogorov 1933; Stephens 1970 for finite n.
Outcome from_distance(std::string test, double distance, double n);

/// How many of n independent trials happened that have this probability: exact, no normal approximation.
Outcome from_count(std::string test, int64_t count, int64_t n, double probability);

/// Something that must not happen at all.
Outcome from_violations(std::string test, int64_t count);

/// The z score with the two-sided p value p: at least 0, at most 38.
double z_of_p(double p);

/// The probability that Kolmogorov's statistic sqrt(n) D is above (or, `kolmogorov_below`, below) x, for n to infinity.
double kolmogorov_above(double x);
double kolmogorov_below(double x);

}  // namespace murmur::bench
