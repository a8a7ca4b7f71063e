#include "murmur/pso/swarm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/random.hpp"

namespace murmur {
namespace {

constexpr int64_t kMaxParticles = int64_t{1} << 20;   // what the address of a draw has room for
constexpr int64_t kMaxDimensions = int64_t{1} << 12;  // as above
// Far beyond any use, and small enough that no velocity overflows to infinity - infinity.
constexpr double kMaxBound = 1e300;
constexpr double kMaxCoefficient = 1000;
constexpr double kNone = -std::numeric_limits<double>::infinity();

void check_bounds(const std::vector<double>& low, const std::vector<double>& high) {
  if (low.empty() || low.size() != high.size() || low.size() > static_cast<size_t>(kMaxDimensions)) {
    throw InvalidArgument("swarm: expected as many low as high bounds, 1 to {}, got {} and {}", kMaxDimensions,
                          low.size(), high.size());
  }
  for (size_t d = 0; d < low.size(); ++d) {
    if (!(-kMaxBound <= low[d] && low[d] <= high[d] && high[d] <= kMaxBound)) {
      throw InvalidArgument("swarm: expected bounds low <= high within +-{} in dimension {}, got [{}, {}]", kMaxBound,
                            d, low[d], high[d]);
    }
  }
}

void check_num_particles(int64_t num_particles) {
  if (num_particles < 1 || num_particles > kMaxParticles) {
    throw InvalidArgument("swarm: expected num_particles in [1, {}], got {}", kMaxParticles, num_particles);
  }
}

void check_options(const SwarmOptions& options) {
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
  const int64_t num_starts = options.num_stage_one;
  if (num_starts != 0 && (num_starts < options.num_particles || num_starts > kMaxParticles)) {
    throw InvalidArgument("swarm: expected num_stage_one in [{} (num_particles), {}], or 0, got {}",
                          options.num_particles, kMaxParticles, num_starts);
  }
  if (options.topology != Topology::kStar) {
    throw InvalidArgument("swarm: expected topology star, got number {}", static_cast<int>(options.topology));
  }
}

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

}  // namespace

std::vector<std::vector<double>> uniform_initial_positions(const std::vector<double>& low,
                                                           const std::vector<double>& high, int64_t num_particles,
                                                           uint64_t seed) {
  check_bounds(low, high);
  check_num_particles(num_particles);
  std::vector<std::vector<double>> positions(static_cast<size_t>(num_particles), std::vector<double>(low.size()));
  for (int64_t p = 0; p < num_particles; ++p) {
    std::vector<double>& position = positions[static_cast<size_t>(p)];
    for (size_t d = 0; d < low.size(); ++d) {
      const double u = swarm_uniforms(seed, SwarmStream::kMove, p, 0, static_cast<int64_t>(d)).first;
      position[d] = std::clamp(low[d] + u * (high[d] - low[d]), low[d], high[d]);
    }
  }
  return positions;
}

Swarm::Swarm(std::vector<double> low, std::vector<double> high, const SwarmOptions& options,
             std::vector<std::vector<double>> initial_positions)
    : low_(std::move(low)), high_(std::move(high)), options_(options) {
  check_bounds(low_, high_);
  check_options(options_);
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

  // NaN and -infinity compare false, so they never become a best.
  if (fitness > (particle.best ? particle.best->fitness : kNone)) particle.best = Best{particle.position, fitness, id};
  if (fitness > (global_best_ ? global_best_->fitness : kNone)) {
    global_best_ = particle.best;
    improved_at_ = num_told_ - num_stage_one_told();
  }
  move(p);
}

void Swarm::tell_stage_one(int64_t start, double fitness) {
  ranks_.emplace(std::isnan(fitness) ? -kNone : -fitness, start);
  // Whatever is still out may come first: what ranks so high that there is room for it even then has its place.
  int64_t room = options_.num_particles - (options_.num_stage_one - num_stage_one_told());
  for (auto rank = ranks_.begin(); room > 0; ++rank, --room) {
    Start& certain = starts_[static_cast<size_t>(rank->second)];
    if (certain.has_joined) continue;
    certain.has_joined = true;
    particles_.push_back(certain.particle);
  }
}

void Swarm::move(int64_t p) {
  Particle& particle = particles_[static_cast<size_t>(p)];
  for (size_t d = 0; d < low_.size(); ++d) {
    const double range = high_[d] - low_[d];
    const double limit = options_.velocity_limit * range;
    double& x = particle.position[d];
    const UniformPair r =
        swarm_uniforms(options_.seed, SwarmStream::kMove, p, particle.num_asks, static_cast<int64_t>(d));
    double v = options_.inertia_weight * particle.velocity[d];
    if (particle.best) v += options_.cognitive_coefficient * r.first * (particle.best->position[d] - x);
    if (global_best_) v += options_.social_coefficient * r.second * (global_best_->position[d] - x);
    particle.velocity[d] = std::clamp(v, -limit, limit);
    x = std::clamp(x + particle.velocity[d], low_[d], high_[d]);
  }
}

void Swarm::replay(std::span<const ToldCandidate> told, int64_t num_asked) {
  if (num_asked_ != 0) throw InvalidArgument("swarm: expected to replay on a new swarm, got {} asks", num_asked_);
  const auto ask_up_to = [this](int64_t count) {
    if (count < num_asked_) throw InvalidArgument("swarm: expected at least {} asks, got {}", num_asked_, count);
    ask(count - num_asked_);
    if (num_asked_ < count) {
      throw InvalidArgument("swarm: expected at most {} asks after {} tells, got {}", num_asked_, num_told_, count);
    }
  };
  for (const ToldCandidate& candidate : told) {
    ask_up_to(candidate.num_asked);
    tell(candidate.id, candidate.fitness);
  }
  ask_up_to(num_asked);
}

std::vector<Candidate> Swarm::outstanding() const {
  std::vector<Candidate> candidates;
  for (const auto& [id, entry] : outstanding_) candidates.push_back(candidate(id, entry));
  return candidates;
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
