#include "murmur/pso/parzen_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace murmur {
namespace {

double log_normal_below(double deviations) {
  return std::log(std::max(0.5 * std::erfc(-deviations / std::numbers::sqrt2), 1e-300));
}

}  // namespace

ParzenEstimator::ParzenEstimator(const SearchDomain& domain, std::vector<std::vector<double>> observations,
                                 std::vector<double> weights)
    : domain_(&domain), centers_(std::move(observations)) {
  const size_t num_dimensions = domain.low.size();
  const auto n = static_cast<double>(centers_.size());
  const double narrow = 0.2 * std::pow(std::max(n, 1.0), -1 / (static_cast<double>(num_dimensions) + 4));
  const double fraction = std::max(narrow, 1 / std::min(100.0, n + 1));
  std::vector<double> middle;
  for (size_t d = 0; d < num_dimensions; ++d) {
    middle.push_back(0.5 * (domain.low[d] + domain.high[d]));
    deviations_.push_back(fraction * (domain.high[d] - domain.low[d]));
    log_ranges_.push_back(std::log((domain.high[d] - domain.low[d]) * std::sqrt(2 * std::numbers::pi)));
    log_deviations_.push_back(std::log(fraction) + log_ranges_.back());
  }
  centers_.push_back(std::move(middle));
  weights.push_back(1);
  double sum = 0;
  for (const double weight : weights) cumulative_.push_back(sum += weight);
  for (const double weight : weights) log_weights_.push_back(std::log(weight / sum));
  other_value_ = 1 / (n + 1);
}

size_t ParzenEstimator::value_of(size_t d, double x) const {
  const std::vector<double>& thresholds = domain_->thresholds[d];
  return static_cast<size_t>(std::ranges::lower_bound(thresholds, x) - thresholds.begin());
}

double ParzenEstimator::value_position(size_t d, size_t value) const {
  const std::vector<double>& thresholds = domain_->thresholds[d];
  const double low = value == 0 ? domain_->low[d] : thresholds[value - 1];
  return 0.5 * (low + (value == thresholds.size() ? domain_->high[d] : thresholds[value]));
}

std::vector<double> ParzenEstimator::sample(const std::function<UniformPair(int64_t)>& uniforms) const {
  const auto num_dimensions = static_cast<int64_t>(deviations_.size());
  const double at = uniforms(num_dimensions).first * cumulative_.back();
  const auto kernel = std::min(static_cast<size_t>(std::ranges::lower_bound(cumulative_, at) - cumulative_.begin()),
                               centers_.size() - 1);
  const bool is_prior = kernel + 1 == centers_.size();
  std::vector<double> position;
  for (size_t d = 0; d < deviations_.size(); ++d) {
    const UniformPair u = uniforms(static_cast<int64_t>(d));
    const double low = domain_->low[d], high = domain_->high[d], center = centers_[kernel][d];
    const size_t num_values = domain_->thresholds[d].size() + 1;
    if (num_values == 1) {
      const double normal = std::sqrt(-2 * std::log(u.first)) * std::cos(2 * std::numbers::pi * u.second);
      const double deviation = is_prior ? high - low : deviations_[d];
      position.push_back(std::clamp(center + deviation * normal, low, high));
      continue;
    }
    const bool is_any = is_prior || u.first > 1 / (1 + static_cast<double>(num_values) * other_value_);
    const auto any = static_cast<size_t>(u.second * static_cast<double>(num_values));
    position.push_back(value_position(d, is_any ? any : value_of(d, center)));
  }
  return position;
}

double ParzenEstimator::log_kernel(size_t kernel, const std::vector<double>& position) const {
  const bool is_prior = kernel + 1 == centers_.size();
  double sum = log_weights_[kernel];
  for (size_t d = 0; d < deviations_.size(); ++d) {
    const double low = domain_->low[d], high = domain_->high[d], x = position[d], center = centers_[kernel][d];
    if (low == high) continue;
    if (!domain_->thresholds[d].empty()) {
      const auto num_values = static_cast<double>(domain_->thresholds[d].size() + 1);
      const double own = value_of(d, center) == value_of(d, x) ? 1 : 0;
      sum += is_prior ? -std::log(num_values) : std::log((own + other_value_) / (1 + num_values * other_value_));
      continue;
    }
    const double deviation = is_prior ? high - low : deviations_[d];
    const double z = (x - center) / deviation;
    if (x <= low) {
      sum += log_normal_below(z);
    } else if (x >= high) {
      sum += log_normal_below(-z);
    } else {
      sum -= 0.5 * z * z + (is_prior ? log_ranges_[d] : log_deviations_[d]);
    }
  }
  return sum;
}

double ParzenEstimator::log_density(const std::vector<double>& position) const {
  std::vector<double> terms;
  double largest = -std::numeric_limits<double>::infinity();
  for (size_t kernel = 0; kernel < centers_.size(); ++kernel) {
    terms.push_back(log_kernel(kernel, position));
    largest = std::max(largest, terms.back());
  }
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

}  // namespace murmur
