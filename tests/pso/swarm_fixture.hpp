#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "murmur/pso/swarm.hpp"

// What the tests of the swarm share: three dimensions of different ranges and an objective on them.
namespace murmur {

inline const std::vector<double> kLow{-5, 0, 100};
inline const std::vector<double> kHigh{5, 1, 300};

inline SwarmOptions options(int64_t num_particles, uint64_t seed = 1) {
  SwarmOptions result;
  result.num_particles = num_particles;
  result.seed = seed;
  return result;
}

/// Highest, 0, at a point that is neither centre nor corner.
inline double sphere(const std::vector<double>& x) {
  const double target[] = {1.5, 0.25, 170};
  double sum = 0;
  for (size_t d = 0; d < x.size(); ++d) sum += std::pow((x[d] - target[d]) / (kHigh[d] - kLow[d]), 2);
  return -sum;
}

/// Sweeps of ask all, tell all in the order of asking.
inline void run(Swarm& swarm, int64_t num_tells) {
  while (swarm.num_told() < num_tells) {
    for (const Candidate& candidate : swarm.ask(swarm.options().num_particles)) {
      swarm.tell(candidate.id, sphere(candidate.position));
    }
  }
}

inline void expect_same_state(const Swarm& a, const Swarm& b) {
  for (int64_t p = 0; p < a.options().num_particles; ++p) {
    EXPECT_EQ(a.position(p), b.position(p));
    EXPECT_EQ(a.velocity(p), b.velocity(p));
  }
  ASSERT_EQ(a.best().has_value(), b.best().has_value());
  if (a.best()) {
    EXPECT_EQ(a.best()->position, b.best()->position);
  }
  EXPECT_EQ(a.outstanding(), b.outstanding());
  EXPECT_EQ(a.num_told(), b.num_told());
  EXPECT_EQ(a.converged(), b.converged());
}

}  // namespace murmur
