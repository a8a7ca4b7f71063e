#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "murmur/engine/error.hpp"
#include "murmur/pso/comprehensive_learning_swarm.hpp"
#include "murmur/pso/fully_informed_swarm.hpp"
#include "murmur/pso/random.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/searchers.hpp"
#include "swarm_fixture.hpp"

namespace murmur {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using testing::UnorderedElementsAre;

TEST(Topology, ARingLooksBothWays) {
  const auto ring = neighbours(Topology::kRing, 5, 1);
  EXPECT_THAT(ring[0], UnorderedElementsAre(0, 1, 4));
  EXPECT_THAT(ring[4], UnorderedElementsAre(4, 0, 3));
  EXPECT_THAT(neighbours(Topology::kRing, 7, 2)[0], UnorderedElementsAre(0, 1, 2, 5, 6));
  EXPECT_THAT(neighbours(Topology::kRing, 3, 9)[1], UnorderedElementsAre(0, 1, 2));
  EXPECT_THAT(neighbours(Topology::kRing, 2, 1)[1], UnorderedElementsAre(0, 1));
  EXPECT_THAT(neighbours(Topology::kRing, 1, 1)[0], ElementsAre(0));
  EXPECT_TRUE(neighbours(Topology::kStar, 5, 1).empty());
}

TEST(Topology, AGridHasFourNeighboursAndIsMutual) {
  EXPECT_THAT(neighbours(Topology::kVonNeumann, 16, 1)[5], UnorderedElementsAre(5, 4, 6, 1, 9));
  for (const int64_t num : {1, 2, 3, 7, 16, 22}) {
    const auto grid = neighbours(Topology::kVonNeumann, num, 1);
    for (int64_t p = 0; p < num; ++p) {
      const std::vector<int64_t>& mine = grid[static_cast<size_t>(p)];
      EXPECT_EQ(mine.front(), p);
      EXPECT_EQ(std::set<int64_t>(mine.begin(), mine.end()).size(), mine.size());
      if (num >= 7) {
        EXPECT_EQ(mine.size(), 5u) << num;
      }
      for (const int64_t other : mine) {
        EXPECT_THAT(grid[static_cast<size_t>(other)], testing::Contains(p));
      }
    }
  }
  EXPECT_THAT([] { parse_topology("torus"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("expected one of star, ring, von-neumann, got 'torus'")));
}

TEST(BoundsHandling, EachDoesWhatItSays) {
  const auto step = [](BoundsHandling handling, double position, double velocity) {
    const Motion after = step_within(handling, {position, velocity}, -1, 3, 0.75);
    return std::pair(after.position, after.velocity);
  };
  using Pair = std::pair<double, double>;
  EXPECT_EQ(step(BoundsHandling::kClamp, 2.5, 1), Pair(3, 1));
  EXPECT_EQ(step(BoundsHandling::kReflect, 2.5, 1), Pair(2.5, -1));
  EXPECT_EQ(step(BoundsHandling::kReflect, -0.5, -2), Pair(0.5, 2));
  EXPECT_EQ(step(BoundsHandling::kAbsorb, 2.5, 1), Pair(3, 0));
  EXPECT_EQ(step(BoundsHandling::kRandom, 2.5, 1), Pair(2, 1));
  EXPECT_EQ(step(BoundsHandling::kPeriodic, 2.5, 1), Pair(-0.5, 1));
  EXPECT_EQ(step(BoundsHandling::kPeriodic, -0.5, -1), Pair(2.5, -1));
  for (const std::string_view name : kBoundsHandlings) {
    const BoundsHandling handling = parse_bounds_handling(name);
    EXPECT_EQ(step(handling, 1, 1), Pair(2, 1));
    EXPECT_EQ(step(handling, 2, 1), Pair(3, 1)) << "at the bound is within";
  }
  EXPECT_THROW(parse_bounds_handling("bounce"), InvalidArgument);
}

/// What a best of particle 0 in a ring changes in the others' next moves.
TEST(SwarmKinds, InARingOnlyNeighboursAreDrawn) {
  SwarmOptions ring = options(6);
  ring.topology = Topology::kRing;
  Swarm with(kLow, kHigh, ring), without(kLow, kHigh, ring);
  with.ask(6);
  without.ask(6);
  with.tell(0, 100);
  without.tell(0, -std::numeric_limits<double>::infinity());
  for (int64_t id = 1; id < 6; ++id) {
    with.tell(id, 1);
    without.tell(id, 1);
    EXPECT_EQ(with.position(id) != without.position(id), id == 1 || id == 5) << id;
  }
}

TEST(SwarmKinds, TheDefaultIsWhatItAlwaysWas) {
  // Digests of all positions that the swarm of each budget asked for when it had no other topology and no other bounds.
  const std::pair<int, uint64_t> digests[] = {
      {110, 0xbb3482bba3d3fa38}, {440, 0x2614919750806692}, {2200, 0x403bd752cad6ac94}};
  const SearchSpace space = SearchSpace::all();
  const std::vector<double> low = space.low(), high = space.high();
  const SearcherInfo& info = searcher_info("swarm");
  for (const auto& [num_trials, digest] : digests) {
    const nlohmann::json all = all_options(info, budget_options(info, nlohmann::json::object(), num_trials));
    const auto searcher = make_searcher(info, {search_domain(space), 5, num_trials, all});
    uint64_t hash = 0xcbf29ce484222325;
    while (searcher->num_told() < num_trials) {
      for (const Candidate& candidate : searcher->ask(3)) {
        double fitness = 0;
        for (size_t d = 0; d < low.size(); ++d) {
          uint64_t bits = 0;
          std::memcpy(&bits, &candidate.position[d], sizeof bits);
          hash = (hash ^ bits) * 0x100000001b3;
          const double x = (candidate.position[d] - low[d]) / (high[d] - low[d]) - 0.3;
          fitness -= x * x;
        }
        searcher->tell(candidate.id, fitness);
      }
    }
    EXPECT_EQ(hash, digest) << num_trials;
  }
}

/// Bounds that take velocities away must not leave a swarm in the corner where it starts.
TEST(SwarmKinds, ASmallSwarmLeavesACorner) {
  for (const std::string_view bounds : kBoundsHandlings) {
    if (bounds == "clamp") continue;
    for (const int64_t num_particles : {1, 2, 3}) {
      for (uint64_t seed = 0; seed < 20; ++seed) {
        SwarmOptions small = options(num_particles, seed);
        small.bounds = parse_bounds_handling(bounds);
        small.velocity_limit = 1;
        Swarm swarm(kLow, kHigh, small, std::vector<std::vector<double>>(static_cast<size_t>(num_particles), kLow));
        run(swarm, 1);
        const double first = swarm.best()->fitness;
        run(swarm, 100 * num_particles);
        EXPECT_GT(swarm.best()->fitness, first) << bounds << ", " << num_particles << ", seed " << seed;
      }
    }
  }
}

TEST(SwarmKinds, VelocitiesAreLimitedByTheRangeNotByTheBounds) {
  // 100 to 300: a velocity of 60 is within 0.3 of the range, and outside of the bounds.
  for (const char* name : {"swarm", "fips", "clpso"}) {
    for (const std::string_view bounds : kBoundsHandlings) {
      const SearcherInfo& info = searcher_info(name);
      const auto all = all_options(info, {{"velocity_limit", 0.3}, {"bounds", bounds}, {"particles", 6}});
      const auto searcher = make_searcher(info, {continuous_domain(kLow, kHigh), 1, 0, all});
      const auto& swarm = dynamic_cast<const Swarm&>(*searcher);
      double most = 0;
      for (int i = 0; i < 300; ++i) {
        const Candidate candidate = searcher->ask(1).at(0);
        searcher->tell(candidate.id, sphere(candidate.position));
        for (size_t d = 0; d < 3; ++d) {
          const double v = std::abs(swarm.velocity(candidate.particle)[d]);
          ASSERT_LE(v, 0.3 * (kHigh[d] - kLow[d])) << name << " " << bounds;
          if (d == 2) most = std::max(most, v);
        }
      }
      EXPECT_GT(most, 0);
      EXPECT_LT(most, 100);
    }
  }
}

TEST(FullyInformed, MovesByTheFormula) {
  SwarmOptions ring = options(4);
  ring.topology = Topology::kRing;
  ring.inertia_weight = 0.7298;
  ring.social_coefficient = 4.1;
  ring.velocity_limit = 1;
  FullyInformedSwarm swarm({-1e6}, {1e6}, ring);
  swarm.ask(4);
  const double x = swarm.position(1)[0], v = swarm.velocity(1)[0];
  const double left = swarm.position(0)[0], right = swarm.position(2)[0];
  swarm.tell(0, 1);
  swarm.tell(2, 1);
  swarm.tell(3, 9);  // the best, and no neighbour
  swarm.tell(1, 2);
  const auto r = [](int64_t informant) {
    return swarm_uniforms(1, SwarmStream::kInformed, 1, (int64_t{1} << 20) + informant, 0).first;
  };
  const double expected = 0.7298 * (v + 2.05 * r(0) * (left - x) + 2.05 * r(2) * (right - x));
  EXPECT_NEAR(swarm.velocity(1)[0], std::clamp(expected, -2e6, 2e6), 1e-6);
}

TEST(ComprehensiveLearning, LearnsFromOthersWithTheProbabilityOfItsNumber) {
  // Pc of the first particle is 0.05, of the last 0.5 (Liang et al. 2006, equation 12). With 2000 dimensions the share
  // of exemplars has a standard error of at most 0.011.
  SwarmOptions many = options(10);
  const std::vector<double> low(2000, -1), high(2000, 1);
  ComprehensiveLearningSwarm swarm(low, high, many, {});
  for (int round = 0; round < 2; ++round) {
    for (const Candidate& candidate : swarm.ask(10)) swarm.tell(candidate.id, static_cast<double>(candidate.id));
  }
  const auto share = [&](int64_t p) {
    const std::vector<int64_t>& exemplars = swarm.exemplars(p);
    return 1 - static_cast<double>(std::ranges::count(exemplars, p)) / 2000;
  };
  // Particles 1 and 9 were first moved when others had bests; the first one had nobody to learn from.
  EXPECT_NEAR(share(9), 0.5, 0.045);
  EXPECT_NEAR(share(1), 0.05, 0.025);
}

TEST(ComprehensiveLearning, TheInertiaFallsOverTheHorizon) {
  SwarmOptions cooling = options(2);
  cooling.inertia_weight = 0.9;
  ComprehensiveLearningSwarm swarm(kLow, kHigh, cooling, {.final_inertia_weight = 0.4, .horizon = 10});
  EXPECT_DOUBLE_EQ(swarm.inertia_weight(), 0.9);
  run(swarm, 4);
  EXPECT_DOUBLE_EQ(swarm.inertia_weight(), 0.7);
  run(swarm, 30);
  EXPECT_DOUBLE_EQ(swarm.inertia_weight(), 0.4);
  EXPECT_THROW(ComprehensiveLearningSwarm(kLow, kHigh, cooling, {.final_inertia_weight = 1}), InvalidArgument);
  EXPECT_THROW(ComprehensiveLearningSwarm(kLow, kHigh, cooling, {.horizon = -1}), InvalidArgument);
}

}  // namespace
}  // namespace murmur
