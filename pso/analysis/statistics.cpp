#include "murmur/pso/analysis/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/engine/random/philox.hpp"

namespace murmur {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr uint32_t kResampleSite = 0xB0000000u;  // no technique has this number: see make_site

void check_confidence(double confidence) {
  if (!(confidence > 0 && confidence < 1)) {
    throw InvalidArgument("interval: expected a confidence between 0 and 1, got {}", confidence);
  }
}

/// The half width of Student's interval in standard errors.
double student_factor(int64_t n, double confidence) {
  const boost::math::students_t distribution(static_cast<double>(n - 1));
  return boost::math::quantile(distribution, 0.5 + confidence / 2);
}

/// The p value of a mean of n values; exactly 1 or 0 where all values are the same.
double student_p(double mean, double error, int64_t n) {
  if (error == 0) return mean == 0 ? 1 : 0;
  const boost::math::students_t distribution(static_cast<double>(n - 1));
  return 2 * boost::math::cdf(boost::math::complement(distribution, std::abs(mean / error)));
}

/// The p-quantile of sorted values, linear between them.
double quantile_of(std::span<const double> sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return kNan;
  const double center = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - center) * (value - center);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double standard_error(std::span<const double> values) {
  return standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
}

Interval student_interval(std::span<const double> values, double confidence) {
  check_confidence(confidence);
  if (values.size() < 2) return {kNan, kNan};
  const double width = student_factor(static_cast<int64_t>(values.size()), confidence) * standard_error(values);
  return {mean(values) - width, mean(values) + width};
}

PairedDifference paired_difference(std::span<const double> first, std::span<const double> second, double confidence) {
  check_confidence(confidence);
  if (first.size() != second.size()) {
    throw InvalidArgument("paired difference: expected as many values in both, got {} and {}", first.size(),
                          second.size());
  }
  PairedDifference result;
  std::vector<double> differences;
  for (size_t i = 0; i < first.size(); ++i) {
    if (!std::isfinite(first[i])) ++result.num_first_failed;
    if (!std::isfinite(second[i])) ++result.num_second_failed;
    if (std::isfinite(first[i]) && std::isfinite(second[i])) differences.push_back(first[i] - second[i]);
  }
  result.num_pairs = static_cast<int64_t>(differences.size());
  result.difference = differences.size() < 2 ? kNan : mean(differences);
  result.standard_error = standard_error(differences);
  result.interval = student_interval(differences, confidence);
  result.p = differences.size() < 2 ? kNan : student_p(result.difference, result.standard_error, result.num_pairs);
  return result;
}

std::string verdict(const PairedDifference& difference, std::string_view other) {
  const auto diverged = [&](int64_t failed) {
    // A pair in which both failed counts in both; all pairs are those left plus those in which one did.
    const int64_t all = difference.num_pairs + std::max(difference.num_first_failed, difference.num_second_failed);
    return fmt::format("{} of {} trainings diverged", failed, std::max(all, failed));
  };
  if (difference.num_first_failed > 0) return "unstable: " + diverged(difference.num_first_failed);
  if (difference.num_pairs < 2) return fmt::format("not compared with {}: fewer than two pairs", other);
  const auto [low, high] = difference.interval;
  const bool is_worse = high < 0;
  const double sign = is_worse ? -100 : 100;
  const int decimals = 100 * difference.standard_error < 0.095 ? 2 : 1;
  const std::string points =
      fmt::format("{:.{}f} ± {:.{}f} points (95 % interval {:.{}f} to {:.{}f})", sign * difference.difference, decimals,
                  100 * difference.standard_error, decimals, sign * (is_worse ? high : low), decimals,
                  sign * (is_worse ? low : high), decimals);
  std::string text = low > 0    ? fmt::format("better than {} by {}", other, points)
                     : is_worse ? fmt::format("worse than {} by {}", other, points)
                                : fmt::format("not distinguishable from {}: {}", other, points);
  if (difference.num_second_failed > 0)
    text += fmt::format("; of {}, {}", other, diverged(difference.num_second_failed));
  return text;
}

namespace {

/// The tests that were made, the smallest p first.
std::vector<size_t> by_p(std::span<const double> p) {
  std::vector<size_t> order;
  for (size_t i = 0; i < p.size(); ++i) {
    if (!std::isnan(p[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

std::vector<double> holm(std::span<const double> p) {
  const std::vector<size_t> order = by_p(p);
  std::vector<double> adjusted(p.size(), kNan);
  double largest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, p[order[rank]] * static_cast<double>(order.size() - rank)));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

std::vector<double> holm_confidences(std::span<const double> p, double level) {
  const std::vector<size_t> order = by_p(p);
  std::vector<double> confidences(p.size(), kNan);
  size_t num_rejected = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const double share = level / static_cast<double>(order.size() - num_rejected);
    confidences[order[rank]] = 1 - share;
    if (rank == num_rejected && p[order[rank]] < share) ++num_rejected;
  }
  return confidences;
}

std::vector<int64_t> bootstrap_resample(int64_t n, uint64_t seed, int64_t resample) {
  std::vector<int64_t> numbers(static_cast<size_t>(n));
  for (size_t i = 0; i < numbers.size(); i += 4) {
    const Quad<uint32_t> words = philox(static_cast<uint64_t>(resample), kResampleSite, static_cast<uint32_t>(i), seed);
    for (size_t j = i; j < std::min(i + 4, numbers.size()); ++j) {
      numbers[j] = static_cast<int64_t>((static_cast<uint64_t>(words.v[j - i]) * static_cast<uint64_t>(n)) >> 32);
    }
  }
  return numbers;
}

Interval percentile_interval(std::vector<double> values, double confidence) {
  check_confidence(confidence);
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return {kNan, kNan};
  std::sort(values.begin(), values.end());
  return {quantile_of(values, 0.5 - confidence / 2), quantile_of(values, 0.5 + confidence / 2)};
}

Interval bootstrap_interval(int64_t n, const std::function<double(std::span<const int64_t>)>& statistic,
                            const BootstrapOptions& options) {
  if (n < 1 || options.num_resamples < 1) {
    throw InvalidArgument("bootstrap: expected at least one observation and one resample, got {} and {}", n,
                          options.num_resamples);
  }
  std::vector<double> values;
  for (int64_t i = 0; i < options.num_resamples; ++i) {
    values.push_back(statistic(bootstrap_resample(n, options.seed, i)));
  }
  return percentile_interval(std::move(values), options.confidence);
}

}  // namespace murmur
