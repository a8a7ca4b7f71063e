#include "murmur/pso/search_domain.hpp"

#include <cmath>
#include <utility>

#include "murmur/pso/search_space.hpp"

namespace murmur {
namespace {

// With more values than this a step between two is no more to a searcher than a step of a continuous dimension.
constexpr double kMaxValues = 32;

/// Where the value changes. An interval of off moves what lies above it up; at its two ends the value changes, too.
std::vector<double> thresholds_of(const Dimension& dimension) {
  const bool is_ceil = dimension.decode == Decode::kCeil;
  if (!is_ceil && dimension.decode != Decode::kRound) return {};
  if (dimension.raw_high - dimension.raw_low > kMaxValues || has_off_interval(dimension)) return {};
  std::vector<double> thresholds;
  // Of choices each is one unit of raw position below its number; of rounded values the changes lie in between.
  const double first = is_ceil ? std::floor(dimension.raw_low) + 1 : std::floor(dimension.raw_low) + 0.5;
  for (double at = first; at < dimension.raw_high; ++at) {
    if (at > dimension.raw_low) thresholds.push_back(at);
  }
  return thresholds;
}

}  // namespace

SearchDomain continuous_domain(std::vector<double> low, std::vector<double> high) {
  const size_t num_dimensions = low.size();
  std::vector<double> off = low;
  return {std::move(low), std::move(high), std::move(off), std::vector<bool>(num_dimensions, false),
          std::vector<std::vector<double>>(num_dimensions)};
}

SearchDomain search_domain(const SearchSpace& space) {
  SearchDomain domain{space.low(), space.high(), space.off(), space.sparse(), {}};
  for (const Dimension& dimension : space.dimensions()) domain.thresholds.push_back(thresholds_of(dimension));
  return domain;
}

}  // namespace murmur
