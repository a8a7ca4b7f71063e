#include "murmur/pso/topology.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "murmur/engine/error.hpp"

namespace murmur {

Topology parse_topology(std::string_view name) {
  const auto* const found = std::ranges::find(kTopologies, name);
  if (found == kTopologies.end()) {
    throw InvalidArgument("topology: expected one of {}, got '{}'", fmt::join(kTopologies, ", "), name);
  }
  return static_cast<Topology>(found - kTopologies.begin());
}

std::vector<std::vector<int64_t>> neighbours(Topology topology, int64_t num_particles, int64_t ring_radius) {
  if (topology == Topology::kStar) return {};
  std::vector<int64_t> steps;
  if (topology == Topology::kRing) {
    for (int64_t step = 1; step <= std::min(ring_radius, num_particles); ++step) steps.push_back(step);
  } else {
    steps = {1, static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(num_particles))))};
  }
  std::vector<std::vector<int64_t>> all;
  for (int64_t p = 0; p < num_particles; ++p) {
    std::vector<int64_t>& mine = all.emplace_back(1, p);
    for (const int64_t step : steps) {
      for (const int64_t offset : {step, num_particles - step % num_particles}) {
        const int64_t other = (p + offset) % num_particles;
        if (std::ranges::find(mine, other) == mine.end()) mine.push_back(other);
      }
    }
  }
  return all;
}

}  // namespace murmur
