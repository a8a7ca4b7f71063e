#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "murmur/pso/searcher.hpp"
#include "murmur/pso/swarm_options.hpp"

namespace murmur {

struct SearcherInfo;

/// Its row in the table of searchers.
SearcherInfo swarm_info();

/// Asynchronous particle swarm. The best of a particle's neighbourhood draws it: in a star that of the whole swarm.
///
///   velocity <- w velocity + c1 r1 (personal_best - position) + c2 r2 (best - position),  |velocity| <= limit
///   position <- position + velocity, within the bounds (`BoundsHandling`)
///
/// With bounds that change velocities, a particle that would stand still in every dimension, and be evaluated twice at
/// one position for nothing, is given a random velocity instead: a small swarm could not leave a corner otherwise.
///
/// `tell` updates the bests at once and moves the particle; r1, r2 ~ U(0, 1) per particle, move and dimension. A term
/// whose best does not exist yet (every fitness so far NaN or -infinity) is zero, so such a particle drifts by inertia.
///
/// Re-evaluation (`num_evaluations` R > 1), for a fitness that is noisy: a position whose fitness is above its
/// particle's best contends for its place. Its particle stays and asks for it again, until the mean of its evaluations
/// is no longer above the best (then it moves on) or there are R of them (then their mean is the new best). So only
/// contenders cost more than one evaluation, and a best is never one lucky evaluation.
///
/// Two-stage start (`num_stage_one` > 0): the swarm first asks for so many initial positions, for a cheap evaluation.
/// The best num_particles of them, of equals the earlier, become the particles: at their positions, with their
/// velocities, and without a best, since cheap fitnesses do not compare with others. Each is then asked again, and what
/// it is told now is its first personal best. A position joins as soon as nothing that is still out can displace it, so
/// that whoever evaluates no more than num_particles candidates at once always finds one to ask for.
///
/// Random: stateless draws addressed by (seed, particle, move, dimension); see pso/random.hpp. Initial positions and
///         velocities are move 0 of their number, so the first ones of a two-stage start are those of a plain one.
/// Source: Kennedy & Eberhart 1995; Clerc & Kennedy 2002 (the constriction values of w, c1, c2); Kennedy & Mendes 2002
///         (ring, von Neumann).
class Swarm : public Searcher {
 public:
  /// Starts at uniform random positions, or at `initial_positions` (one per particle, with a two-stage start
  /// `num_stage_one` of them; within the bounds).
  /// Throws: InvalidArgument.
  Swarm(std::vector<double> low, std::vector<double> high, const SwarmOptions& options,
        std::vector<std::vector<double>> initial_positions = {});

  /// Each candidate is of another particle that waits for its evaluation: stage one first, then the particles with the
  /// fewest asks, so that none starves. None when all are being evaluated.
  std::vector<Candidate> ask(int64_t n) override;
  void tell(int64_t id, double fitness) override;
  std::vector<Candidate> outstanding() const override;
  const std::optional<Best>& best() const override { return global_best_; }
  /// After `patience` sweeps (of num_particles tells each, stage one apart) without a better global best.
  bool converged() const override;
  int64_t num_asked() const override { return num_asked_; }
  int64_t num_told() const override { return num_told_; }
  StageOne stage_one() const override { return {options_.num_stage_one, options_.stage_one_epochs}; }
  int64_t num_at_once() const override { return options_.num_particles; }
  std::string describe() const override;

  /// The best of one particle, its position and its velocity. Particles are numbered as they join; one that has not
  /// joined yet throws InvalidArgument.
  const std::optional<Best>& personal_best(int64_t particle) const { return at(particle).best; }
  const std::vector<double>& position(int64_t particle) const { return at(particle).position; }
  const std::vector<double>& velocity(int64_t particle) const { return at(particle).velocity; }
  /// Of the candidates told, those of stage one.
  int64_t num_stage_one_told() const { return static_cast<int64_t>(ranks_.size()); }
  const SwarmOptions& options() const { return options_; }

 protected:
  /// The velocity of a particle's next step, before the limit, in each dimension.
  virtual std::vector<double> steer(int64_t particle);

  /// The neighbours of a particle that have joined, itself among them; `kStar`: all.
  std::vector<int64_t> neighbourhood(int64_t particle) const;
  int64_t num_particles() const { return static_cast<int64_t>(particles_.size()); }
  int64_t num_dimensions() const { return static_cast<int64_t>(low_.size()); }
  /// How often a particle has been asked: the number of its next move.
  int64_t num_asks(int64_t particle) const { return at(particle).num_asks; }

 private:
  struct Particle {
    std::vector<double> position, velocity;
    std::optional<Best> best;     // its id: the last of its evaluations
    double sum = 0;               // of the fitnesses that the present position has been told
    int64_t num_evaluations = 0;  // their number
    int64_t num_asks = 0;
    bool is_out = false;
  };
  /// An initial position of stage one.
  struct Start {
    Particle particle;
    bool has_joined = false;
  };
  struct Outstanding {
    int64_t particle;
    bool stage_one;
  };
  const Particle& at(int64_t particle) const;
  Candidate candidate(int64_t id, const Outstanding& entry) const;
  void tell_stage_one(int64_t start, double fitness);
  void improve(Particle& particle, double fitness, int64_t id);
  void move(int64_t particle);
  void set_in_motion(int64_t particle);
  const std::optional<Best>& best_of_neighbourhood(int64_t particle) const;

  std::vector<double> low_, high_;
  SwarmOptions options_;
  std::vector<std::vector<int64_t>> neighbours_;  // empty: a star
  std::vector<Particle> particles_;               // with a two-stage start: those that have joined
  std::vector<Start> starts_;
  std::set<std::pair<double, int64_t>> ranks_;  // of the starts told: (-fitness, start), the best first
  std::optional<Best> global_best_;
  std::map<int64_t, Outstanding> outstanding_;  // by candidate id
  int64_t num_asked_ = 0;
  int64_t num_told_ = 0;
  int64_t improved_at_ = 0;  // tells, stage one apart, at the last improvement of the global best
};

}  // namespace murmur
