#include "murmur/pso/analysis/sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// The numbers of the values in ascending order.
std::vector<size_t> order_of(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  return order;
}

/// The end of the run of equal values that begins at `begin` of an order.
size_t end_of_ties(std::span<const double> values, std::span<const size_t> order, size_t begin) {
  size_t end = begin + 1;
  while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
  return end;
}

}  // namespace

void check_sample(const Sample& sample) {
  if (sample.size() < 3) throw InvalidArgument("sample: expected at least 3 values, got {}", sample.size());
  if (sample.columns.size() != sample.is_ordered.size()) {
    throw InvalidArgument("sample: expected the kind of each of {} dimensions, got {}", sample.columns.size(),
                          sample.is_ordered.size());
  }
  for (const std::vector<double>& column : sample.columns) {
    if (column.size() != sample.values.size()) {
      throw InvalidArgument("sample: expected {} coordinates a dimension, got {}", sample.values.size(), column.size());
    }
    if (!std::all_of(column.begin(), column.end(), [](double x) { return std::isfinite(x); })) {
      throw InvalidArgument("sample: expected finite coordinates, got NaN or infinity");
    }
  }
}

Sample subset(const Sample& sample, std::span<const int64_t> numbers) {
  const auto select = [&](const std::vector<double>& from) {
    std::vector<double> selected;
    selected.reserve(numbers.size());
    for (const int64_t number : numbers) selected.push_back(from.at(static_cast<size_t>(number)));
    return selected;
  };
  Sample result;
  result.is_ordered = sample.is_ordered;
  for (const std::vector<double>& column : sample.columns) result.columns.push_back(select(column));
  result.values = select(sample.values);
  return result;
}

std::vector<double> ranks(std::span<const double> values) {
  std::vector<double> known(values.begin(), values.end());
  for (double& value : known) {
    if (std::isnan(value)) value = -std::numeric_limits<double>::infinity();
  }
  const std::vector<size_t> order = order_of(known);
  std::vector<double> result(values.size());
  for (size_t begin = 0; begin < order.size();) {
    const size_t end = end_of_ties(known, order, begin);
    const double rank = (static_cast<double>(begin + end) + 1) / 2;
    for (size_t i = begin; i < end; ++i) result[order[i]] = rank;
    begin = end;
  }
  return result;
}

std::vector<int64_t> levels(std::span<const double> column, bool is_ordered, int64_t num_levels) {
  const std::vector<size_t> order = order_of(column);
  std::vector<int64_t> result(column.size());
  int64_t level = 0;
  size_t in_level = 0;
  for (size_t begin = 0; begin < order.size();) {
    const size_t end = end_of_ties(column, order, begin);
    const size_t size = end - begin;
    const size_t left = order.size() - begin + in_level;
    const size_t share = left / static_cast<size_t>(std::max<int64_t>(num_levels - level, 1));
    const bool starts_one =
        in_level > 0 &&
        (!is_ordered || (level + 1 < num_levels && in_level + size > share && (in_level >= share || size >= share)));
    if (starts_one) {
      ++level;
      in_level = 0;
    }
    for (size_t i = begin; i < end; ++i) result[order[i]] = level;
    in_level += size;
    begin = end;
  }
  return result;
}

}  // namespace murmur
