#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "murmur/pso/bounds_handling.hpp"
#include "murmur/pso/topology.hpp"

// What swarms have in common that a user may choose, and how it stands in the table of searchers.
namespace murmur {

struct SearcherOption;
struct SearcherRequest;

/// The authors' values (the published code of Altarabichi et al. 2024, Information Sciences 667).
struct SwarmOptions {
  int64_t num_particles = 22;              // 1 to 2^20
  double inertia_weight = 0.7298;          // in [0, 1000]
  double cognitive_coefficient = 1.49618;  // in [0, 1000]
  double social_coefficient = 1.49618;     // in [0, 1000]
  double velocity_limit = 0.2;             // largest |velocity| as a fraction of each dimension's range, in (0, 1]
  int64_t patience = 5;                    // sweeps without improvement until `converged`, >= 1
  int64_t num_evaluations = 1;             // that a position needs to become a personal best, 1 to 1000
  int64_t num_stage_one = 0;               // two-stage start: initial positions to choose from; 0: none
  int64_t stage_one_epochs = 1;            // and the epochs that each is trained for
  Topology topology = Topology::kStar;     // who sees whose best
  int64_t ring_radius = 1;                 // neighbours on either side in a ring, >= 1
  BoundsHandling bounds = BoundsHandling::kClamp;  // of a particle that would leave the bounds
  uint64_t seed = 0;
};

/// Throws: InvalidArgument.
void check_swarm_options(const SwarmOptions& options);

/// The rows of the options of every swarm: number of particles (with this default), patience, velocity limit, bounds,
/// initialisation.
std::vector<SearcherOption> common_swarm_options(int64_t num_particles);
/// Those of a swarm whose particles see their neighbourhoods, with this default of the topology.
std::vector<SearcherOption> topology_options(Topology topology);

/// The row of the trials over which a search cools, which are a number of its definition: a study that goes on with
/// more keeps it.
SearcherOption horizon_option();

/// The options that a request has of these; the others keep their defaults.
SwarmOptions swarm_options(const SearcherRequest& request);
/// The first positions of its particles, or of its stage one.
std::vector<std::vector<double>> swarm_positions(const SearcherRequest& request, const SwarmOptions& options);

/// Particles and patience for a number of trials: few trials are better spent on more sweeps of fewer particles.
nlohmann::json swarm_budget(int64_t num_trials);

}  // namespace murmur
