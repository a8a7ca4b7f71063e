#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace murmur {

/// Whose best position draws a particle: kStar = the best of the whole swarm.
enum class Topology : uint8_t { kStar };

/// The authors' values (TECHNIQUES.md, section 4).
struct SwarmOptions {
  int64_t num_particles = 22;              // 1 to 2^20
  double inertia_weight = 0.7298;          // in [0, 1000]
  double cognitive_coefficient = 1.49618;  // in [0, 1000]
  double social_coefficient = 1.49618;     // in [0, 1000]
  double velocity_limit = 0.2;             // largest |velocity| as a fraction of each dimension's range, in (0, 1]
  int64_t patience = 5;                    // sweeps without improvement until `converged`, >= 1
  uint64_t seed = 0;
  Topology topology = Topology::kStar;
};

/// A position to evaluate. Ids count the candidates from 0 in the order in which they were asked.
struct Candidate {
  int64_t id;
  int64_t particle;
  std::vector<double> position;
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
/// Random: stateless draws addressed by (seed, particle, move, dimension); see pso/random.hpp.
/// State:  everything else follows from the bounds, the options, the initial positions and the order of asks and tells.
///         The same calls give the same state, which is how a search is resumed (`replay`); ask(n) equals n times
///         ask(1).
/// Source: Kennedy & Eberhart 1995; Clerc & Kennedy 2002 (the constriction values of w, c1, c2).
class Swarm {
 public:
  /// Starts at uniform random positions, or at `initial_positions` (one per particle, within the bounds).
  /// Throws: InvalidArgument.
  Swarm(std::vector<double> low, std::vector<double> high, const SwarmOptions& options,
        std::vector<std::vector<double>> initial_positions = {});

  /// Up to n candidates, each of another particle that waits for its evaluation: the particles with the fewest asks
  /// first, so that none starves. Fewer than n, or none, when the particles are all being evaluated.
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

  /// True after `patience` sweeps (of num_particles tells each) without a better global best.
  bool converged() const;

  struct Best {
    std::vector<double> position;
    double fitness;
    int64_t id;  // the candidate
  };
  /// The best of all, and of one particle; none while every fitness was NaN or -infinity.
  const std::optional<Best>& global_best() const { return global_best_; }
  const std::optional<Best>& personal_best(int64_t particle) const { return at(particle).best; }

  const std::vector<double>& position(int64_t particle) const { return at(particle).position; }
  const std::vector<double>& velocity(int64_t particle) const { return at(particle).velocity; }
  int64_t num_asked() const { return num_asked_; }
  int64_t num_told() const { return num_told_; }
  int64_t num_dimensions() const { return static_cast<int64_t>(low_.size()); }
  const SwarmOptions& options() const { return options_; }

 private:
  struct Particle {
    std::vector<double> position, velocity;
    std::optional<Best> best;
    int64_t num_asks = 0;
    bool is_out = false;
  };
  const Particle& at(int64_t particle) const;
  void move(int64_t particle);

  std::vector<double> low_, high_;
  SwarmOptions options_;
  std::vector<Particle> particles_;
  std::optional<Best> global_best_;
  std::map<int64_t, int64_t> outstanding_;  // candidate id -> particle
  int64_t num_asked_ = 0;
  int64_t num_told_ = 0;
  int64_t improved_at_ = 0;  // num_told_ at the last improvement of the global best
};

/// Uniform random positions within the bounds: where a swarm of this seed starts. Throws: InvalidArgument.
std::vector<std::vector<double>> uniform_initial_positions(const std::vector<double>& low,
                                                           const std::vector<double>& high, int64_t num_particles,
                                                           uint64_t seed);

}  // namespace murmur
