#include "murmur/preview/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace murmur {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> finite(std::span<const float> values) {
  std::vector<double> result;
  for (const float value : values) {
    if (std::isfinite(value)) result.push_back(static_cast<double>(value));
  }
  return result;
}

/// The finite values but 0, in their order.
std::vector<double> sorted(std::span<const float> values) {
  std::vector<double> result = finite(values);
  std::erase(result, 0.0);
  std::ranges::sort(result);
  return result;
}

bool has_zeros(std::span<const float> values) {
  return std::ranges::find(values, 0.0f) != values.end();
}

/// An axis that has something on both sides of a single value.
void widen(Histograms& result) {
  if (result.low < result.high) return;
  const double by = result.low == 0 ? 1 : std::abs(result.low) / 2;
  result.low -= by;
  result.high += by;
}

std::vector<int64_t> counted(const std::vector<double>& values, double low, double high) {
  std::vector<int64_t> counts(Histograms::kBins);
  for (const double value : values) {
    const double place = (value - low) / (high - low) * static_cast<double>(Histograms::kBins);
    const double last = static_cast<double>(Histograms::kBins - 1);
    ++counts[static_cast<size_t>(std::clamp(std::floor(place), 0.0, last))];
  }
  return counts;
}

}  // namespace

Distribution distribution(std::span<const float> values) {
  const std::vector<double> numbers = finite(values);
  Distribution result{static_cast<int64_t>(values.size()),
                      static_cast<int64_t>(values.size() - numbers.size()),
                      kNaN,
                      kNaN,
                      kNaN,
                      kNaN,
                      kNaN};
  if (!values.empty()) {
    result.zeros = static_cast<double>(std::ranges::count(values, 0.0f)) / static_cast<double>(values.size());
  }
  if (numbers.empty()) return result;
  const auto count = static_cast<double>(numbers.size());
  double sum = 0, squares = 0;
  for (const double number : numbers) sum += number;
  result.mean = sum / count;
  for (const double number : numbers) squares += (number - result.mean) * (number - result.mean);
  result.deviation = std::sqrt(squares / count);
  const auto [minimum, maximum] = std::ranges::minmax(numbers);
  result.minimum = minimum;
  result.maximum = maximum;
  return result;
}

Histograms histograms(std::span<const float> before, std::span<const float> after) {
  constexpr size_t kOutside = 200;  // one of so many at each end
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Histograms result;
  result.low = kInfinity;
  result.high = -kInfinity;
  const std::vector<double> first = sorted(before), second = sorted(after);
  for (const std::vector<double>* values : {&first, &second}) {
    if (values->empty()) continue;
    const size_t cut = values->size() / kOutside;
    result.low = std::min(result.low, (*values)[cut]);
    result.high = std::max(result.high, (*values)[values->size() - 1 - cut]);
  }
  if (has_zeros(before) || has_zeros(after) || result.low > result.high) {
    result.low = std::min(result.low, 0.0);
    result.high = std::max(result.high, 0.0);
  }
  widen(result);
  result.before = counted(first, result.low, result.high);
  result.after = counted(second, result.low, result.high);
  return result;
}

}  // namespace murmur
