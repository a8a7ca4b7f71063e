#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/pso/swarm.hpp"

namespace murmur {

/// Its row in the table of searchers.
SearcherInfo fully_informed_swarm_info();

/// A swarm in which all neighbours draw a particle, not only the best of them; itself it is not among them.
///
///   velocity <- chi (velocity + sum over K neighbours of (phi r / K) (neighbour's best - position)),  r ~ U(0, 1)
///
/// `SwarmOptions::inertia_weight` is chi, `social_coefficient` is phi (the study's: 0.7298, 4.1). Of the neighbours
/// those count that have a best; a particle without any drifts.
/// Random: one draw a particle, move, neighbour and dimension.
/// Source: Mendes, Kennedy & Neves, "The fully informed particle swarm: simpler, maybe better", IEEE Trans. Evol.
///         Comput. 8 (2004).
class FullyInformedSwarm : public Swarm {
 public:
  using Swarm::Swarm;
  std::string describe() const override { return Swarm::describe() + ", fully informed"; }

 protected:
  std::vector<double> steer(int64_t particle) override;
};

}  // namespace murmur
