#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace murmur {

/// Whose best position draws a particle: kStar = the best of the whole swarm.
enum class Topology : uint8_t { kStar };

/// The authors' values (the published code of Altarabichi et al. 2024, Information Sciences 667).
struct SwarmOptions {
  int64_t num_particles = 22;              // 1 to 2^20
  double inertia_weight = 0.7298;          // in [0, 1000]
  double cognitive_coefficient = 1.49618;  // in [0, 1000]
  double social_coefficient = 1.49618;     // in [0, 1000]
  double velocity_limit = 0.2;             // largest |velocity| as a fraction of each dimension's range, in (0, 1]
  int64_t patience = 5;                    // sweeps without improvement until `converged`, >= 1
  int64_t num_stage_one = 0;               // two-stage start: initial positions to choose the particles from; 0: none
  uint64_t seed = 0;
  Topology topology = Topology::kStar;
};

/// A position to evaluate. Ids count the candidates from 0 in the order in which they were asked.
struct Candidate {
  int64_t id;
  int64_t particle;  // in stage one: the number of the initial position
  std::vector<double> position;
  bool stage_one = false;  // to evaluate cheaply: see "Two-stage start" of `Swarm`
  bool operator==(const Candidate&) const = default;
};

/// One evaluation that a swarm was told, as a study records it so that a search can be resumed: see `Swarm::replay`.
struct ToldCandidate {
  int64_t id;         // the candidate's
  double fitness;     // as it was told
  int64_t num_asked;  // `Swarm::num_asked()` just before it was told
};

/// Asynchronous particle swarm, ask/tell, maximising; it knows nothing of what it optimises.
///
///   velocity <- w velocity + c1 r1 (personal_best - position) + c2 r2 (global_best - position),  |velocity| <= limit
///   position <- position + velocity, clamped to the bounds (the velocity is kept)
///
/// `tell` updates the bests at once and moves the particle; r1, r2 ~ U(0, 1) per particle, move and dimension. A term
/// whose best does not exist yet (every fitness so far NaN or -infinity) is zero, so such a particle drifts by inertia.
///
/// Two-stage start (`num_stage_one` > 0): the swarm first asks for so many initial positions, for a cheap evaluation.
/// The best num_particles of them, of equals the earlier, become the particles: at their positions, with their
/// velocities, and without a best, since cheap fitnesses do not compare with others. Each is then asked again, and what
/// it is told now is its first personal best. A position joins as soon as nothing that is still out can displace it, so
/// that whoever evaluates no more than num_particles candidates at once always finds one to ask for.
///
/// Random: stateless draws addressed by (seed, particle, move, dimension); see pso/random.hpp. Initial positions and
///         velocities are move 0 of their number, so the first ones of a two-stage start are those of a plain one.
/// State:  everything else follows from the bounds, the options, the initial positions and the order of asks and tells.
///         The same calls give the same state, which is how a search is resumed (`replay`); ask(n) equals n times
///         ask(1).
/// Source: Kennedy & Eberhart 1995; Clerc & Kennedy 2002 (the constriction values of w, c1, c2).
class Swarm {
 public:
  /// Starts at uniform random positions, or at `initial_positions` (one per particle, with a two-stage start
  /// `num_stage_one` of them; within the bounds).
  /// Throws: InvalidArgument.
  Swarm(std::vector<double> low, std::vector<double> high, const SwarmOptions& options,
        std::vector<std::vector<double>> initial_positions = {});

  /// Up to n candidates, each of another particle that waits for its evaluation: stage one first, then the particles
  /// with the fewest asks, so that none starves. Fewer than n, or none, when all are being evaluated.
  std::vector<Candidate> ask(int64_t n);

  /// The fitness of a candidate, once, in any order. NaN counts as -infinity (a candidate that failed).
  /// Throws: InvalidArgument when no such candidate is outstanding.
  void tell(int64_t id, double fitness);

  /// Repeats a recorded search on a new swarm: the tells in their order, each after as many asks as there were then,
  /// then asks up to `num_asked` in all. Afterwards the swarm is in the state of the recorded one, and `outstanding`
  /// are the candidates that were asked and never told: evaluate them again, under their old ids.
  /// Throws: InvalidArgument when the record does not fit the swarm, or the swarm is not new.
  void replay(std::span<const ToldCandidate> told, int64_t num_asked);

  /// The candidates asked and not told, by id.
  std::vector<Candidate> outstanding() const;

  /// True after `patience` sweeps (of num_particles tells each, stage one apart) without a better global best.
  bool converged() const;

  struct Best {
    std::vector<double> position;
    double fitness;
    int64_t id;  // the candidate
  };
  /// The best of all, and of one particle; none while every fitness was NaN or -infinity. Stage one counts for neither.
  /// Particles are numbered as they join; one that has not joined yet throws InvalidArgument, here and below.
  const std::optional<Best>& global_best() const { return global_best_; }
  const std::optional<Best>& personal_best(int64_t particle) const { return at(particle).best; }

  const std::vector<double>& position(int64_t particle) const { return at(particle).position; }
  const std::vector<double>& velocity(int64_t particle) const { return at(particle).velocity; }
  int64_t num_asked() const { return num_asked_; }
  int64_t num_told() const { return num_told_; }
  /// Of those, the ones of stage one.
  int64_t num_stage_one_told() const { return static_cast<int64_t>(ranks_.size()); }
  int64_t num_dimensions() const { return static_cast<int64_t>(low_.size()); }
  const SwarmOptions& options() const { return options_; }

 private:
  struct Particle {
    std::vector<double> position, velocity;
    std::optional<Best> best;
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
  void move(int64_t particle);

  std::vector<double> low_, high_;
  SwarmOptions options_;
  std::vector<Particle> particles_;  // with a two-stage start: those that have joined
  std::vector<Start> starts_;
  std::set<std::pair<double, int64_t>> ranks_;  // of the starts told: (-fitness, start), the best first
  std::optional<Best> global_best_;
  std::map<int64_t, Outstanding> outstanding_;  // by candidate id
  int64_t num_asked_ = 0;
  int64_t num_told_ = 0;
  int64_t improved_at_ = 0;  // tells, stage one apart, at the last improvement of the global best
};

/// Uniform random positions within the bounds: where a swarm of this seed starts. Throws: InvalidArgument.
std::vector<std::vector<double>> uniform_initial_positions(const std::vector<double>& low,
                                                           const std::vector<double>& high, int64_t num_particles,
                                                           uint64_t seed);

}  // namespace murmur
