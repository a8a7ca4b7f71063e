#include "murmur/pso/swarm_options.hpp"

#include <algorithm>
#include <limits>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr double kMaxCoefficient = 1000;
constexpr int64_t kMaxEvaluations = 1000;

// docs/searching.md has the measurement.
constexpr int64_t kFewTrials = 440;
constexpr int64_t kFewParticles = 8;
constexpr int64_t kFewPatience = 14;  // sweeps: as many trials as the study's 5 of 22 particles

void check_stage_one(const SwarmOptions& options) {
  const int64_t num_starts = options.num_stage_one;
  if (num_starts != 0 && (num_starts < options.num_particles || num_starts > kMaxParticles)) {
    throw InvalidArgument("swarm: expected num_stage_one in [{} (num_particles), {}], or 0, got {}",
                          options.num_particles, kMaxParticles, num_starts);
  }
  if (options.stage_one_epochs < 1) {
    throw InvalidArgument("epochs of stage one: expected at least 1, got {}", options.stage_one_epochs);
  }
}

}  // namespace

void check_swarm_options(const SwarmOptions& options) {
  check_num_particles(options.num_particles);
  const auto check_coefficient = [](const char* name, double value) {
    if (!(value >= 0 && value <= kMaxCoefficient)) {
      throw InvalidArgument("swarm: expected {} in [0, {}], got {}", name, kMaxCoefficient, value);
    }
  };
  check_coefficient("inertia_weight", options.inertia_weight);
  check_coefficient("cognitive_coefficient", options.cognitive_coefficient);
  check_coefficient("social_coefficient", options.social_coefficient);
  if (!(options.velocity_limit > 0 && options.velocity_limit <= 1)) {
    throw InvalidArgument("swarm: expected velocity_limit in (0, 1], got {}", options.velocity_limit);
  }
  if (options.patience < 1 || options.patience > std::numeric_limits<int64_t>::max() / kMaxParticles) {
    throw InvalidArgument("swarm: expected patience >= 1 sweep, got {}", options.patience);
  }
  if (options.num_evaluations < 1 || options.num_evaluations > kMaxEvaluations) {
    throw InvalidArgument("swarm: expected num_evaluations in [1, {}], got {}", kMaxEvaluations,
                          options.num_evaluations);
  }
  if (options.ring_radius < 1) throw InvalidArgument("swarm: expected ring_radius >= 1, got {}", options.ring_radius);
  check_stage_one(options);
}

std::vector<SearcherOption> common_swarm_options(int64_t num_particles) {
  const SwarmOptions options;
  return {
      {.name = "particles",
       .otherwise = num_particles,
       .help = "particles; without --paper 8 where --trials is 1 to 440",
       .low = 1,
       .high = kMaxParticles},
      {.name = "patience",
       .otherwise = options.patience,
       .help = "stop after this many sweeps (of one trial a particle) without improvement; 14 with 8 particles",
       .defines = false,
       .low = 1,
       .high = kMaxParticles},
      {.name = "velocity-limit",
       .otherwise = options.velocity_limit,
       .help = "largest velocity, as a fraction of a dimension's range"},
      {.name = "bounds",
       .otherwise = "clamp",
       .help = "a particle that would leave the bounds: clamp (it stops there, exactly), reflect, absorb (it stops, "
               "its velocity too), random, or periodic",
       .newer = true,
       .choices = kBoundsHandlings},
      {.name = "initialization",
       .otherwise = "sparse",
       .help = "of the swarm: uniform, or sparse (uniform, but only 4 of the 15 optional techniques on)",
       .choices = kPositionInitializations}};
}

std::vector<SearcherOption> topology_options(Topology topology) {
  const SwarmOptions options;
  return {{.name = "topology",
           .otherwise = kTopologies[static_cast<size_t>(topology)],
           .help = "whose bests draw a particle: star (all), ring, or von-neumann (four on a grid); fips: ring",
           .newer = true,
           .choices = kTopologies},
          {.name = "ring-radius",
           .otherwise = options.ring_radius,
           .help = "neighbors on either side of a particle with --topology ring",
           .newer = true,
           .low = 1,
           .high = kMaxParticles}};
}

SearcherOption horizon_option() {
  return {.name = "horizon",
          .otherwise = 0,
          .help =
              "trials over which the search narrows down; without --paper the first --trials of a study (0: it does "
              "not)",
          .low = 0,
          .high = kMaxTrials};
}

SwarmOptions swarm_options(const SearcherRequest& request) {
  const nlohmann::json& values = request.options;
  SwarmOptions options;
  const auto read = [&values](const char* key, auto& value) {
    if (values.contains(key)) value = values.at(key);
  };
  read("particles", options.num_particles);
  read("inertia_weight", options.inertia_weight);
  read("cognitive_coefficient", options.cognitive_coefficient);
  read("social_coefficient", options.social_coefficient);
  read("velocity_limit", options.velocity_limit);
  read("patience", options.patience);
  read("reevaluate", options.num_evaluations);
  read("ring_radius", options.ring_radius);
  if (values.contains("topology")) options.topology = parse_topology(values.at("topology").get<std::string>());
  if (values.contains("bounds")) options.bounds = parse_bounds_handling(values.at("bounds").get<std::string>());
  if (values.value("two_stage", false)) {
    options.num_stage_one = values.at("stage_one_particles");
    options.stage_one_epochs = values.at("stage_one_epochs");
  }
  options.seed = request.seed;
  return options;
}

std::vector<std::vector<double>> swarm_positions(const SearcherRequest& request, const SwarmOptions& options) {
  return initial_positions(request.domain, request.options.at("initialization").get<std::string>(),
                           std::max(options.num_particles, options.num_stage_one), options.seed, request.starts);
}

nlohmann::json swarm_budget(int64_t num_trials) {
  const bool few = num_trials > 0 && num_trials <= kFewTrials;
  const SwarmOptions study;
  return {{"particles", few ? kFewParticles : study.num_particles}, {"patience", few ? kFewPatience : study.patience}};
}

}  // namespace murmur
