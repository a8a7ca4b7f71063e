#include "murmur/pso/analysis/baseline_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"

namespace murmur {
namespace {

/// The values to try of a dimension, each once and none the base's.
std::vector<double> levels_of(const Dimension& dimension, double base, int64_t num_levels) {
  std::vector<double> values;
  const auto add = [&](double value) {
    if (value != base && std::ranges::find(values, value) == values.end()) values.push_back(value);
  };
  std::ranges::for_each(dimension.choices, add);
  if (!values.empty()) return values;
  for (int64_t i = 0; i < num_levels; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(num_levels);
    add(decode(dimension, dimension.raw_low + share * (dimension.raw_high - dimension.raw_low)));
  }
  std::ranges::sort(values);
  return values;
}

}  // namespace

std::vector<BaselineSetting> single_settings(const SearchSpace& space, const Setting& base, int64_t num_levels) {
  if (num_levels < 1) throw InvalidArgument("levels: expected at least 1, got {}", num_levels);
  std::vector<BaselineSetting> settings;
  for (const Dimension& dimension : space.dimensions()) {
    if (is_schedule(dimension) && !SearchSpace::exists(dimension, base)) continue;  // it would change nothing
    for (const double value : levels_of(dimension, value_of(base, dimension), num_levels)) {
      BaselineSetting row{fmt::format("{}={}", key_of(dimension), format_value(dimension, value)), base};
      set_value(row.setting, dimension, value);
      settings.push_back(std::move(row));
    }
  }
  return settings;
}

std::vector<BaselineSetting> sparse_settings(const SearchSpace& space, const Setting& base, int64_t num_settings,
                                             int64_t num_on, uint64_t seed) {
  std::vector<BaselineSetting> settings;
  for (int64_t i = 0; i < num_settings; ++i) {
    const std::vector<double> position = uniform_position(space.low(), space.high(), i, seed);
    std::vector<size_t> all(position.size());
    std::iota(all.begin(), all.end(), size_t{0});
    std::vector<size_t> on = random_order(std::move(all), i, seed);
    on.resize(std::min(on.size(), static_cast<size_t>(num_on)));
    BaselineSetting row{fmt::format("sparse {}", i + 1), base};
    for (const size_t d : on) {
      const Dimension& dimension = space.dimensions()[d];
      set_value(row.setting, dimension, decode(dimension, position[d]));
    }
    settings.push_back(std::move(row));
  }
  return settings;
}

}  // namespace murmur
