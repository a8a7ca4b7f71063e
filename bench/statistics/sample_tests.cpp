#include "bench/statistics/sample_tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <cstdint>

#include "bench/statistics/fourier.hpp"

namespace murmur::bench {
namespace {

constexpr std::array<double, 3> kDeviations{3, 4, 5};

bool is_possible(const Law& law, float x) {
  if (!std::isfinite(x)) return false;
  if (!law.is_discrete()) return true;
  const double value = static_cast<double>(x);
  const double tolerance = 1e-6 * std::max(1.0, std::abs(value));
  const auto at = std::ranges::lower_bound(law.atoms(), value - tolerance, {}, &Atom::value);
  return at != law.atoms().end() && at->value <= value + tolerance;
}

void test_moments(std::span<const float> values, const Law& law, std::vector<Outcome>& outcomes) {
  std::array<double, 4> sums{};
  std::array<int64_t, kDeviations.size()> beyond{};
  for (const float x : values) {
    const double z = law.standardised(x);
    double power = 1;
    for (double& sum : sums) sum += power *= z;
    for (size_t i = 0; i < beyond.size(); ++i) beyond[i] += std::abs(z) > kDeviations[i] ? 1 : 0;
  }
  const auto n = static_cast<double>(values.size());
  for (size_t k = 1; k <= sums.size(); ++k) {
    const double variance = law.moment(2 * k) - law.moment(k) * law.moment(k);
    // z^2 of two values that are as likely is always 1: there is nothing to test.
    if (variance < 1e-9) continue;
    outcomes.push_back(
        from_z(fmt::format("moment {}", k), (sums[k - 1] / n - law.moment(k)) * std::sqrt(n / variance)));
  }
  for (size_t i = 0; i < beyond.size(); ++i) {
    outcomes.push_back(from_count(fmt::format("beyond {} sd", kDeviations[i]), beyond[i],
                                  static_cast<int64_t>(values.size()), law.beyond(kDeviations[i])));
  }
}

/// Of sorted values.
double distance(std::span<const float> values, const Law& law) {
  const auto n = static_cast<double>(values.size());
  double largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double exact = law.cdf(static_cast<double>(values[i]));
    const auto rank = static_cast<double>(i);
    largest = std::max({largest, exact - rank / n, (rank + 1) / n - exact});
  }
  return largest;
}

/// Of sorted values.
std::vector<int64_t> counts_of(std::span<const float> values, const Cells& cells) {
  std::vector<int64_t> counts;
  auto from = values.begin();
  for (const float bound : cells.bounds()) {
    const auto to = std::upper_bound(from, values.end(), bound);
    counts.push_back(to - from);
    from = to;
  }
  counts.push_back(values.end() - from);
  return counts;
}

}  // namespace

std::vector<Outcome> sample_tests(std::span<float> values, const Law& law) {
  std::vector<Outcome> outcomes;
  const int64_t impossible = std::ranges::count_if(values, [&](float x) { return !is_possible(law, x); });
  outcomes.push_back(from_violations("support", impossible));
  if (impossible > 0) return outcomes;  // a NaN has no place in an order
  test_moments(values, law, outcomes);
  std::ranges::sort(values);
  if (!law.is_discrete()) {
    outcomes.push_back(from_distance("Kolmogorov-Smirnov", distance(values, law), static_cast<double>(values.size())));
  }
  const Cells cells(law, 1000);
  outcomes.push_back(from_counts("chi-square", counts_of(values, cells), cells.probabilities()));
  return outcomes;
}

namespace {

Outcome serial_test(std::span<const float> values, const Law& law) {
  const Cells cells(law, 8);
  const size_t side = cells.size();
  std::vector<int64_t> counts(side * side * side);
  for (size_t i = 0; i + 3 <= values.size(); i += 3) {
    ++counts[(cells.of(values[i]) * side + cells.of(values[i + 1])) * side + cells.of(values[i + 2])];
  }
  std::vector<double> probabilities;
  for (const double a : cells.probabilities()) {
    for (const double b : cells.probabilities()) {
      for (const double c : cells.probabilities()) probabilities.push_back(a * b * c);
    }
  }
  return from_counts("serial, triples", counts, probabilities);
}

}  // namespace

std::vector<Outcome> order_tests(std::span<const float> values, const Law& law) {
  std::vector<Outcome> outcomes;
  if (std::ranges::any_of(values, [&](float x) { return !is_possible(law, x); })) return outcomes;
  outcomes.push_back(serial_test(values, law));
  const auto [spectrum, num_blocks] = mean_spectrum(values, law);
  double total = 0;
  for (const double power : spectrum) total += power;
  double cumulative = 0;
  double largest_distance = 0;
  const auto num_frequencies = static_cast<double>(spectrum.size());
  for (size_t j = 0; j < spectrum.size(); ++j) {
    cumulative += spectrum[j] / total;
    largest_distance = std::max(largest_distance, std::abs(cumulative - static_cast<double>(j + 1) / num_frequencies));
  }
  // The powers of a block are independent exponentials; the cumulative one of all is as that of so many values.
  const auto blocks = static_cast<double>(num_blocks);
  outcomes.push_back(from_distance("spectrum", largest_distance, num_frequencies * blocks));
  // A frequency's mean power is that of as many exponentials as there are blocks: gamma.
  const double peak = *std::ranges::max_element(spectrum) / (total / num_frequencies);
  const double one = boost::math::gamma_q(blocks, blocks * peak);
  outcomes.push_back({"spectrum, peak", "power", peak, 1, -std::expm1(num_frequencies * std::log1p(-one))});
  return outcomes;
}

}  // namespace murmur::bench
