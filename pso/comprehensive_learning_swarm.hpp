#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/pso/swarm.hpp"

namespace murmur {

/// Its row in the table of searchers.
SearcherInfo comprehensive_learning_swarm_info();

struct ComprehensiveLearningOptions {
  double final_inertia_weight = 0.4;  // at the horizon; the swarm's own holds at the start (the study's: 0.9)
  int64_t horizon = 0;                // tells over which the inertia weight falls; 0: it does not
  int64_t refreshing_gap = 7;         // moves without a better own best until a particle learns from others, >= 0
};

/// A swarm in which each dimension of a particle learns from another one's best: slower, and harder to trap.
///
///   velocity <- w velocity + c r (exemplar's best - position),  r ~ U(0, 1) in each dimension
///
/// In a dimension the exemplar is, with the particle's probability Pc (0.05 for the first to 0.5 for the last), the
/// better one of two random other particles, else the particle itself; where it is itself in all of them, another one
/// in one random dimension. `SwarmOptions::cognitive_coefficient` is c.
/// Source: Liang, Qin, Suganthan & Baskar, "Comprehensive learning particle swarm optimizer for global optimization of
///         multimodal functions", IEEE Trans. Evol. Comput. 10 (2006). Bounds: those of the swarm's options.
class ComprehensiveLearningSwarm : public Swarm {
 public:
  /// Throws: InvalidArgument.
  ComprehensiveLearningSwarm(std::vector<double> low, std::vector<double> high, const SwarmOptions& options,
                             const ComprehensiveLearningOptions& learning,
                             std::vector<std::vector<double>> initial_positions = {});
  std::string describe() const override { return Swarm::describe() + ", comprehensive learning"; }

  /// From whom each dimension of a particle learns; empty before its first move.
  const std::vector<int64_t>& exemplars(int64_t particle) const {
    return lessons_[static_cast<size_t>(particle)].exemplars;
  }
  double inertia_weight() const;

 protected:
  std::vector<double> steer(int64_t particle) override;

 private:
  struct Lesson {
    std::vector<int64_t> exemplars;
    int64_t best_id = -1;      // of the particle's best at its last move
    int64_t num_failures = 0;  // moves since it changed
  };
  std::vector<int64_t> choose_exemplars(int64_t particle) const;
  int64_t better_of_two(int64_t particle, double first, double second) const;

  ComprehensiveLearningOptions learning_;
  std::vector<Lesson> lessons_;
};

}  // namespace murmur
