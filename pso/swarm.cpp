#include "murmur/pso/swarm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "murmur/engine/counted.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

void check_positions(const std::vector<std::vector<double>>& positions, const std::vector<double>& low,
                     const std::vector<double>& high, int64_t num_positions) {
  if (positions.size() != static_cast<size_t>(num_positions)) {
    throw InvalidArgument("swarm: expected {} initial positions, got {}", num_positions, positions.size());
  }
  for (size_t p = 0; p < positions.size(); ++p) {
    if (positions[p].size() != low.size()) {
      throw InvalidArgument("swarm: expected initial position {} of {} dimensions, got {}", p, low.size(),
                            positions[p].size());
    }
    for (size_t d = 0; d < low.size(); ++d) {
      if (!(positions[p][d] >= low[d] && positions[p][d] <= high[d])) {
        throw InvalidArgument("swarm: expected initial position {} within [{}, {}] in dimension {}, got {}", p, low[d],
                              high[d], d, positions[p][d]);
      }
    }
  }
}

/// The options that no other swarm has.
std::vector<SearcherOption> own_options() {
  const SwarmOptions options;
  return {
      {.name = "two-stage",
       .otherwise = false,
       .help = "two-stage start: train many initial positions briefly; the best --particles of them become the swarm",
       .defines = false},
      {.name = "stage-one-particles",
       .otherwise = 100,
       .help = "initial positions of a two-stage start",
       .needs = "two-stage",
       .low = 1,
       .high = kMaxParticles},
      {.name = "stage-one-epochs",
       .otherwise = options.stage_one_epochs,
       .help = "epochs for each of them",
       .needs = "two-stage",
       .low = 1,
       .high = kMaxParticles},
      {.name = "reevaluate",
       .otherwise = options.num_evaluations,
       .help = "evaluations, each a trial with a seed of its own, that a particle's best is the mean of; a position is "
               "evaluated again only while its mean is above that best",
       .newer = true,
       .low = 1,
       .high = 1000},
      {.name = "inertia-weight", .otherwise = options.inertia_weight, .help = "of a particle's velocity"},
      {.name = "cognitive-coefficient",
       .otherwise = options.cognitive_coefficient,
       .help = "pull of a particle's own best"},
      {.name = "social-coefficient",
       .otherwise = options.social_coefficient,
       .help = "pull of the best of the swarm, or of its neighborhood"}};
}

std::unique_ptr<Searcher> make_swarm(const SearcherRequest& request) {
  const SwarmOptions options = swarm_options(request);
  return std::make_unique<Swarm>(request.domain.low, request.domain.high, options, swarm_positions(request, options));
}

}  // namespace

SearcherInfo swarm_info() {
  std::vector<SearcherOption> rows = common_swarm_options(SwarmOptions().num_particles);
  std::ranges::move(own_options(), std::back_inserter(rows));
  std::ranges::move(topology_options(Topology::kStar), std::back_inserter(rows));
  return {.name = "swarm",
          .help = "a particle swarm",
          .min_trials = 0,
          .max_trials = kMaxTrials,
          .options = std::move(rows),
          .make = make_swarm,
          .by_budget = swarm_budget};
}

Swarm::Swarm(std::vector<double> low, std::vector<double> high, const SwarmOptions& options,
             std::vector<std::vector<double>> initial_positions)
    : low_(std::move(low)), high_(std::move(high)), options_(options) {
  check_bounds(low_, high_);
  check_swarm_options(options_);
  neighbours_ = neighbours(options_.topology, options_.num_particles, options_.ring_radius);
  const int64_t num_starts = std::max(options_.num_particles, options_.num_stage_one);
  if (initial_positions.empty()) {
    initial_positions = uniform_initial_positions(low_, high_, num_starts, options_.seed);
  }
  check_positions(initial_positions, low_, high_, num_starts);
  for (int64_t p = 0; p < num_starts; ++p) {
    Particle particle;
    particle.position = std::move(initial_positions[static_cast<size_t>(p)]);
    for (size_t d = 0; d < low_.size(); ++d) {
      const UniformPair u = swarm_uniforms(options_.seed, SwarmStream::kMove, p, 0, static_cast<int64_t>(d));
      particle.velocity.push_back((2 * u.second - 1) * options_.velocity_limit * (high_[d] - low_[d]));
    }
    if (options_.num_stage_one > 0) {
      starts_.push_back({std::move(particle), false});
    } else {
      particles_.push_back(std::move(particle));
    }
  }
}

std::vector<Candidate> Swarm::ask(int64_t n) {
  if (n < 0) throw InvalidArgument("swarm: expected to be asked for n >= 0 candidates, got {}", n);
  std::vector<Candidate> candidates;
  const auto ask_for = [&](const Outstanding& entry) {
    const auto added = outstanding_.emplace(num_asked_++, entry).first;
    candidates.push_back(candidate(added->first, entry));
  };
  // Stage one is asked for first: until its last position has been, asks and positions have the same numbers.
  while (n > 0 && num_asked_ < options_.num_stage_one) {
    ask_for({num_asked_, true});
    --n;
  }
  std::vector<std::pair<int64_t, int64_t>> waiting;  // (asks so far, particle)
  for (size_t p = 0; p < particles_.size(); ++p) {
    if (!particles_[p].is_out) waiting.emplace_back(particles_[p].num_asks, static_cast<int64_t>(p));
  }
  const auto count = std::min(static_cast<int64_t>(waiting.size()), n);
  std::partial_sort(waiting.begin(), waiting.begin() + count, waiting.end());  // of thousands, mostly one is wanted
  waiting.resize(static_cast<size_t>(count));

  for (const auto& [num_asks, p] : waiting) {
    Particle& particle = particles_[static_cast<size_t>(p)];
    particle.is_out = true;
    ++particle.num_asks;
    ask_for({p, false});
  }
  return candidates;
}

Candidate Swarm::candidate(int64_t id, const Outstanding& entry) const {
  const Particle& particle =
      entry.stage_one ? starts_[static_cast<size_t>(entry.particle)].particle : at(entry.particle);
  return {id, entry.particle, particle.position, entry.stage_one};
}

void Swarm::tell(int64_t id, double fitness) {
  const auto found = outstanding_.find(id);
  if (found == outstanding_.end()) {
    throw InvalidArgument("swarm: expected a candidate that was asked and not told yet, got id {}", id);
  }
  const auto [p, stage_one] = found->second;
  outstanding_.erase(found);
  ++num_told_;
  if (stage_one) {
    tell_stage_one(p, fitness);
    return;
  }
  Particle& particle = particles_[static_cast<size_t>(p)];
  particle.is_out = false;

  particle.sum += fitness;
  ++particle.num_evaluations;
  const double mean = particle.sum / static_cast<double>(particle.num_evaluations);
  // NaN and -infinity compare false, so they never become a best.
  if (mean > (particle.best ? particle.best->fitness : kNoFitness)) {
    if (particle.num_evaluations < options_.num_evaluations) return;  // it is asked for again where it is
    improve(particle, mean, id);
  }
  move(p);
}

void Swarm::improve(Particle& particle, double fitness, int64_t id) {
  particle.best = Best{particle.position, fitness, id};
  if (fitness > (global_best_ ? global_best_->fitness : kNoFitness)) {
    global_best_ = particle.best;
    improved_at_ = num_told_ - num_stage_one_told();
  }
}

void Swarm::tell_stage_one(int64_t start, double fitness) {
  ranks_.emplace(std::isnan(fitness) ? -kNoFitness : -fitness, start);
  // Whatever is still out may come first: what ranks so high that there is room for it even then has its place.
  int64_t room = options_.num_particles - (options_.num_stage_one - num_stage_one_told());
  for (auto rank = ranks_.begin(); room > 0; ++rank, --room) {
    Start& certain = starts_[static_cast<size_t>(rank->second)];
    if (certain.has_joined) continue;
    certain.has_joined = true;
    particles_.push_back(certain.particle);
  }
}

std::vector<int64_t> Swarm::neighbourhood(int64_t particle) const {
  std::vector<int64_t> joined;
  if (neighbours_.empty()) {
    for (int64_t p = 0; p < num_particles(); ++p) joined.push_back(p);
    return joined;
  }
  std::ranges::copy_if(neighbours_[static_cast<size_t>(particle)], std::back_inserter(joined),
                       [this](int64_t p) { return p < num_particles(); });
  return joined;
}

const std::optional<Searcher::Best>& Swarm::best_of_neighbourhood(int64_t particle) const {
  if (neighbours_.empty()) return global_best_;
  const std::optional<Best>* best = &at(particle).best;
  for (const int64_t p : neighbourhood(particle)) {
    const std::optional<Best>& other = at(p).best;
    if (other && (!*best || other->fitness > (*best)->fitness)) best = &other;
  }
  return *best;
}

std::vector<double> Swarm::steer(int64_t p) {
  const Particle& particle = at(p);
  const std::optional<Best>& best = best_of_neighbourhood(p);
  std::vector<double> velocity;
  for (size_t d = 0; d < low_.size(); ++d) {
    const double x = particle.position[d];
    const UniformPair r =
        swarm_uniforms(options_.seed, SwarmStream::kMove, p, particle.num_asks, static_cast<int64_t>(d));
    double v = options_.inertia_weight * particle.velocity[d];
    if (particle.best) v += options_.cognitive_coefficient * r.first * (particle.best->position[d] - x);
    if (best) v += options_.social_coefficient * r.second * (best->position[d] - x);
    velocity.push_back(v);
  }
  return velocity;
}

void Swarm::move(int64_t p) {
  const std::vector<double> velocity = steer(p);
  Particle& particle = particles_[static_cast<size_t>(p)];
  particle.sum = 0;
  particle.num_evaluations = 0;
  const std::vector<double> before = particle.position;
  for (size_t d = 0; d < low_.size(); ++d) {
    const double limit = options_.velocity_limit * (high_[d] - low_[d]);
    const double uniform =
        options_.bounds == BoundsHandling::kRandom
            ? swarm_uniforms(options_.seed, SwarmStream::kBounds, p, particle.num_asks, static_cast<int64_t>(d)).first
            : 0;
    const Motion motion{particle.position[d], std::clamp(velocity[d], -limit, limit)};
    const Motion after = step_within(options_.bounds, motion, low_[d], high_[d], uniform);
    particle.position[d] = after.position;
    particle.velocity[d] = after.velocity;
  }
  // Of clamped bounds, whose velocities last, this is left as it always was.
  if (options_.bounds != BoundsHandling::kClamp && particle.position == before) set_in_motion(p);
}

void Swarm::set_in_motion(int64_t p) {
  Particle& particle = particles_[static_cast<size_t>(p)];
  for (size_t d = 0; d < low_.size(); ++d) {
    const double range = high_[d] - low_[d];
    const double uniform =
        swarm_uniforms(options_.seed, SwarmStream::kBounds, p, particle.num_asks, static_cast<int64_t>(d)).second;
    const Motion motion{particle.position[d], (2 * uniform - 1) * options_.velocity_limit * range};
    const Motion after = step_within(BoundsHandling::kReflect, motion, low_[d], high_[d], uniform);
    particle.position[d] = after.position;
    particle.velocity[d] = after.velocity;
  }
}

std::vector<Candidate> Swarm::outstanding() const {
  std::vector<Candidate> candidates;
  for (const auto& [id, entry] : outstanding_) candidates.push_back(candidate(id, entry));
  return candidates;
}

std::string Swarm::describe() const {
  const int64_t epochs = options_.stage_one_epochs;
  const std::string start = options_.num_stage_one > 0 ? fmt::format(" (the best of {} after {})",
                                                                     options_.num_stage_one, counted(epochs, "epoch"))
                                                       : "";
  const std::string shape =
      neighbours_.empty() ? "" : fmt::format(" in a {}", options_.topology == Topology::kRing ? "ring" : "grid");
  return fmt::format("{} particles{}{}", options_.num_particles, shape, start);
}

bool Swarm::converged() const {
  return num_told_ - num_stage_one_told() - improved_at_ >= options_.patience * options_.num_particles;
}

const Swarm::Particle& Swarm::at(int64_t particle) const {
  if (particle < 0 || particle >= static_cast<int64_t>(particles_.size())) {
    throw InvalidArgument("swarm: expected a particle below {}, got {}", particles_.size(), particle);
  }
  return particles_[static_cast<size_t>(particle)];
}

}  // namespace murmur
