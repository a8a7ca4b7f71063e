#include "murmur/pso/initial_positions.hpp"

#include <algorithm>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/random.hpp"

namespace murmur {
namespace {

constexpr int64_t kMaxDimensions = int64_t{1} << 12;
// Far beyond any use, and small enough that no velocity overflows to infinity - infinity.
constexpr double kMaxBound = 1e300;

}  // namespace

void check_bounds(const std::vector<double>& low, const std::vector<double>& high) {
  if (low.empty() || low.size() != high.size() || low.size() > static_cast<size_t>(kMaxDimensions)) {
    throw InvalidArgument("search: expected as many low as high bounds, 1 to {}, got {} and {}", kMaxDimensions,
                          low.size(), high.size());
  }
  for (size_t d = 0; d < low.size(); ++d) {
    if (!(-kMaxBound <= low[d] && low[d] <= high[d] && high[d] <= kMaxBound)) {
      throw InvalidArgument("search: expected bounds low <= high within +-{} in dimension {}, got [{}, {}]", kMaxBound,
                            d, low[d], high[d]);
    }
  }
}

void check_num_particles(int64_t num_particles) {
  if (num_particles < 1 || num_particles > kMaxParticles) {
    throw InvalidArgument("swarm: expected num_particles in [1, {}], got {}", kMaxParticles, num_particles);
  }
}

std::vector<double> uniform_position(const std::vector<double>& low, const std::vector<double>& high, int64_t particle,
                                     uint64_t seed) {
  std::vector<double> position(low.size());
  for (size_t d = 0; d < low.size(); ++d) {
    const double u = swarm_uniforms(seed, SwarmStream::kMove, particle, 0, static_cast<int64_t>(d)).first;
    position[d] = std::clamp(low[d] + u * (high[d] - low[d]), low[d], high[d]);
  }
  return position;
}

std::vector<std::vector<double>> uniform_initial_positions(const std::vector<double>& low,
                                                           const std::vector<double>& high, int64_t num_particles,
                                                           uint64_t seed) {
  check_bounds(low, high);
  check_num_particles(num_particles);
  std::vector<std::vector<double>> positions;
  for (int64_t p = 0; p < num_particles; ++p) positions.push_back(uniform_position(low, high, p, seed));
  return positions;
}

std::vector<size_t> random_order(std::vector<size_t> dimensions, int64_t particle, uint64_t seed) {
  const auto draw = [&](size_t d) {
    return swarm_uniforms(seed, SwarmStream::kSparse, particle, 0, static_cast<int64_t>(d)).first;
  };
  std::ranges::sort(dimensions, {}, [&](size_t d) { return std::pair(draw(d), d); });
  return dimensions;
}

std::vector<double> sparse_position(const SearchDomain& domain, int64_t particle, uint64_t seed, int64_t num_kept) {
  std::vector<double> position = uniform_position(domain.low, domain.high, particle, seed);
  std::vector<size_t> dimensions;
  for (size_t d = 0; d < domain.sparse.size(); ++d) {
    if (domain.sparse[d]) dimensions.push_back(d);
  }
  dimensions = random_order(std::move(dimensions), particle, seed);
  for (size_t i = static_cast<size_t>(num_kept); i < dimensions.size(); ++i) {
    position[dimensions[i]] = domain.off[dimensions[i]];
  }
  return position;
}

namespace {

std::vector<std::vector<double>> sparse_positions(const SearchDomain& domain, int64_t num_particles, uint64_t seed,
                                                  int64_t num_kept) {
  if (num_kept < 0) throw InvalidArgument("sparse initialisation: expected num_kept >= 0, got {}", num_kept);
  check_bounds(domain.low, domain.high);
  check_num_particles(num_particles);
  std::vector<std::vector<double>> positions;
  for (int64_t p = 0; p < num_particles; ++p) positions.push_back(sparse_position(domain, p, seed, num_kept));
  return positions;
}

}  // namespace

std::vector<std::vector<double>> sparse_initial_positions(const SearchSpace& space, int64_t num_particles,
                                                          uint64_t seed, int64_t num_kept) {
  return sparse_positions(search_domain(space), num_particles, seed, num_kept);
}

std::vector<std::vector<double>> initial_positions(const SearchDomain& domain, std::string_view initialization,
                                                   int64_t num_positions, uint64_t seed,
                                                   const std::vector<std::vector<double>>& starts) {
  if (std::ssize(starts) > num_positions) {
    throw InvalidArgument("--start: expected at most {} starts, as many as there are first candidates, got {}",
                          num_positions, starts.size());
  }
  std::vector<std::vector<double>> positions =
      initialization == "sparse" ? sparse_positions(domain, num_positions, seed, kNumKept)
                                 : uniform_initial_positions(domain.low, domain.high, num_positions, seed);
  std::ranges::copy(starts, positions.begin());
  return positions;
}

}  // namespace murmur
