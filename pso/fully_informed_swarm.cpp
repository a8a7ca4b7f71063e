#include "murmur/pso/fully_informed_swarm.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr double kPhi = 4.1;  // of the sum over all neighbours; with chi = 0.7298 Clerc's constriction

std::unique_ptr<Searcher> make_fully_informed_swarm(const SearcherRequest& request) {
  SwarmOptions options = swarm_options(request);
  options.social_coefficient = request.options.at("acceleration");
  return std::make_unique<FullyInformedSwarm>(request.domain.low, request.domain.high, options,
                                              swarm_positions(request, options));
}

}  // namespace

SearcherInfo fully_informed_swarm_info() {
  const SwarmOptions options;
  std::vector<SearcherOption> rows = common_swarm_options(options.num_particles);
  std::ranges::move(topology_options(Topology::kRing), std::back_inserter(rows));
  rows.push_back({.name = "inertia-weight", .otherwise = options.inertia_weight, .help = "of a particle's velocity"});
  rows.push_back({.name = "acceleration", .otherwise = kPhi, .help = "pull of all neighbors together"});
  return {.name = "fips",
          .help = "a fully informed swarm",
          .min_trials = 0,
          .max_trials = kMaxTrials,
          .options = std::move(rows),
          .make = make_fully_informed_swarm,
          .by_budget = swarm_budget};
}

std::vector<double> FullyInformedSwarm::steer(int64_t p) {
  std::vector<int64_t> informants = neighbourhood(p);
  std::erase_if(informants, [&](int64_t other) { return other == p || !personal_best(other); });
  const auto num_informants = static_cast<double>(informants.size());
  std::vector<double> next = velocity(p);
  for (const int64_t informant : informants) {
    const std::vector<double>& best = personal_best(informant)->position;
    // One number a move, informant and dimension: the move's number has 44 bits of the address.
    const int64_t draw = num_asks(p) * kMaxParticles + informant;
    for (size_t d = 0; d < next.size(); ++d) {
      const double r = swarm_uniforms(options().seed, SwarmStream::kInformed, p, draw, static_cast<int64_t>(d)).first;
      next[d] += options().social_coefficient * r / num_informants * (best[d] - position(p)[d]);
    }
  }
  for (double& v : next) v *= options().inertia_weight;
  return next;
}

}  // namespace murmur
