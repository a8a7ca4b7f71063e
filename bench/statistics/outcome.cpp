#include "bench/statistics/outcome.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numbers>
#include <utility>

namespace murmur::bench {
namespace {

using boost::math::complement;

/// Twice the smaller tail.
double two_sided(double below, double above) {
  return std::min(1.0, 2 * std::min(below, above));
}

}  // namespace

double kolmogorov_above(double x) {
  if (x < 0.5) return 1 - kolmogorov_below(x);
  double sum = 0;
  for (int k = 1; k <= 20; ++k) sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * x * x);
  return sum;
}

double kolmogorov_below(double x) {
  if (x <= 0) return 0;
  if (x >= 0.5) return 1 - kolmogorov_above(x);
  double sum = 0;
  for (int k = 1; k <= 20; ++k) {
    const double odd = (2 * k - 1) * std::numbers::pi / x;
    sum += std::exp(-odd * odd / 8);
  }
  return std::sqrt(2 * std::numbers::pi) / x * sum;
}

Outcome from_z(std::string test, double z) {
  return {std::move(test), "z", z, 0, std::erfc(std::abs(z) / std::numbers::sqrt2)};
}

Outcome from_chi_square(std::string test, double value, double freedom) {
  const boost::math::chi_squared law(freedom);
  const double p = two_sided(boost::math::cdf(law, value), boost::math::cdf(complement(law, value)));
  return {std::move(test), "chi-square", value, freedom, p};
}

Outcome from_counts(std::string test, const std::vector<int64_t>& counts, const std::vector<double>& probabilities) {
  double total = 0;
  for (const int64_t count : counts) total += static_cast<double>(count);
  double value = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * probabilities[i];
    const double difference = static_cast<double>(counts[i]) - expected;
    value += difference * difference / expected;
  }
  return from_chi_square(std::move(test), value, static_cast<double>(counts.size()) - 1);
}

Outcome from_distance(std::string test, double distance, double n) {
  const double x = (std::sqrt(n) + 0.12 + 0.11 / std::sqrt(n)) * distance;
  // The mean of Kolmogorov's statistic is sqrt(pi / 2) ln 2.
  const double expected = std::sqrt(std::numbers::pi / 2) * std::numbers::ln2 / std::sqrt(n);
  return {std::move(test), "distance", distance, expected, two_sided(kolmogorov_below(x), kolmogorov_above(x))};
}

Outcome from_count(std::string test, int64_t count, int64_t n, double probability) {
  if (probability <= 0) return from_violations(std::move(test), count);
  const boost::math::binomial law(static_cast<double>(n), probability);
  const double below = boost::math::cdf(law, static_cast<double>(count));
  const double above = count == 0 ? 1 : boost::math::cdf(complement(law, static_cast<double>(count - 1)));
  return {std::move(test), "count", static_cast<double>(count), static_cast<double>(n) * probability,
          two_sided(below, above)};
}

Outcome from_violations(std::string test, int64_t count) {
  return {std::move(test), "count", static_cast<double>(count), 0, count == 0 ? 1.0 : 0.0};
}

double z_of_p(double p) {
  constexpr double kLeast = 1e-300;
  if (p >= 1) return 0;
  return std::min(38.0, boost::math::quantile(complement(boost::math::normal(), std::max(p, kLeast) / 2)));
}

}  // namespace murmur::bench
