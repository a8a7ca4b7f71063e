#include "murmur/pso/swarm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "murmur/engine/error.hpp"
#include "swarm_fixture.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

using test::kNan;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(SwarmLimits, PositionsAndVelocitiesStayWithinTheirLimits) {
  SwarmOptions wild = options(8);
  wild.inertia_weight = 2;  // grows without the clamp
  wild.velocity_limit = 0.3;
  Swarm swarm(kLow, kHigh, wild);
  bool at_limit = false, at_bound = false;
  for (int i = 0; i < 400; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    swarm.tell(candidate.id, sphere(candidate.position));
    for (size_t d = 0; d < 3; ++d) {
      const double x = swarm.position(candidate.particle)[d];
      const double limit = 0.3 * (kHigh[d] - kLow[d]);
      const double v = swarm.velocity(candidate.particle)[d];
      ASSERT_TRUE(x >= kLow[d] && x <= kHigh[d]);
      ASSERT_LE(std::abs(v), limit);
      at_limit = at_limit || std::abs(v) == limit;
      at_bound = at_bound || ((x == kLow[d] || x == kHigh[d]) && v != 0);  // the velocity is kept there
    }
  }
  EXPECT_TRUE(at_limit);
  EXPECT_TRUE(at_bound);
}

TEST(SwarmLimits, FindsTheOptimumOfTheSphere) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Swarm swarm(kLow, kHigh, options(22, seed));
    run(swarm, 2200);
    EXPECT_GT(swarm.best()->fitness, -1e-6) << "seed " << seed;
    EXPECT_NEAR(swarm.best()->position[0], 1.5, 0.02);
  }
}

TEST(SwarmLimits, FailedCandidatesDriftAndNeverBecomeABest) {
  for (const double failed : {kNan, -kInfinity}) {
    Swarm swarm(kLow, kHigh, options(4));
    for (int i = 0; i < 40; ++i) {
      const Candidate candidate = swarm.ask(1).at(0);
      for (const double x : candidate.position) ASSERT_TRUE(std::isfinite(x));
      const double v = swarm.velocity(candidate.particle)[0];
      swarm.tell(candidate.id, failed);
      EXPECT_DOUBLE_EQ(swarm.velocity(candidate.particle)[0], 0.7298 * v);
    }
    EXPECT_FALSE(swarm.best().has_value());
    EXPECT_FALSE(swarm.personal_best(0).has_value());
    EXPECT_TRUE(swarm.converged());  // ten sweeps without any success
    const Candidate candidate = swarm.ask(1).at(0);
    swarm.tell(candidate.id, -1e9);
    EXPECT_EQ(swarm.best()->position, candidate.position);
    EXPECT_FALSE(swarm.converged());
  }
}

TEST(SwarmLimits, OneParticle) {
  Swarm swarm(kLow, kHigh, options(1));
  EXPECT_EQ(swarm.ask(5).size(), 1u);
  EXPECT_TRUE(swarm.ask(1).empty());
  swarm.tell(0, sphere(swarm.position(0)));
  const double first = swarm.best()->fitness;
  run(swarm, 200);
  EXPECT_GT(swarm.best()->fitness, first);
}

TEST(SwarmLimits, ARangeOfZeroWidthStays) {
  Swarm swarm({1, 0}, {1, 1}, options(3));
  for (int i = 0; i < 30; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    EXPECT_EQ(candidate.position[0], 1);
    EXPECT_TRUE(std::isfinite(candidate.position[1]));
    swarm.tell(candidate.id, candidate.position[1]);
  }
}

TEST(SwarmLimits, HugeRangesAndCoefficientsStayFinite) {
  SwarmOptions wild = options(3);
  wild.inertia_weight = wild.cognitive_coefficient = wild.social_coefficient = 1000;
  Swarm swarm({-1e300}, {1e300}, wild);
  for (int i = 0; i < 100; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    ASSERT_TRUE(std::isfinite(candidate.position[0]));
    swarm.tell(candidate.id, std::abs(candidate.position[0]));
  }
}

TEST(SwarmLimits, ConvergesAfterPatienceSweepsWithoutABetterBest) {
  SwarmOptions impatient = options(3);
  impatient.patience = 2;
  Swarm swarm(kLow, kHigh, impatient);
  const auto tell_one = [&swarm](double fitness) { swarm.tell(swarm.ask(1).at(0).id, fitness); };
  tell_one(1.0);
  for (int i = 0; i < 5; ++i) tell_one(0.5);
  EXPECT_FALSE(swarm.converged());
  tell_one(2.0);  // the sixth would have been the last
  for (int i = 0; i < 5; ++i) tell_one(2.0);
  EXPECT_FALSE(swarm.converged());
  tell_one(2.0);
  EXPECT_TRUE(swarm.converged());
}

TEST(SwarmLimits, ValidatesItsOptions) {
  const auto expect_rejected = [](const char* name, auto change) {
    SwarmOptions bad;
    change(bad);
    EXPECT_THAT([&] { Swarm(kLow, kHigh, bad); }, ThrowsMessage<InvalidArgument>(HasSubstr(name)));
  };
  for (const int64_t n : {int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
    expect_rejected("num_particles", [n](SwarmOptions& o) { o.num_particles = n; });
  }
  for (const double x : {-0.1, kNan, kInfinity}) {
    expect_rejected("inertia_weight", [x](SwarmOptions& o) { o.inertia_weight = x; });
    expect_rejected("cognitive_coefficient", [x](SwarmOptions& o) { o.cognitive_coefficient = x; });
    expect_rejected("social_coefficient", [x](SwarmOptions& o) { o.social_coefficient = x; });
  }
  for (const double x : {0.0, -0.1, 1.1, kNan}) {
    expect_rejected("velocity_limit", [x](SwarmOptions& o) { o.velocity_limit = x; });
  }
  expect_rejected("num_evaluations", [](SwarmOptions& o) { o.num_evaluations = 0; });
  expect_rejected("num_evaluations", [](SwarmOptions& o) { o.num_evaluations = 1001; });
  expect_rejected("patience", [](SwarmOptions& o) { o.patience = 0; });
  expect_rejected("epochs of stage one: expected at least 1, got 0", [](SwarmOptions& o) { o.stage_one_epochs = 0; });
}

TEST(SwarmLimits, ValidatesItsBounds) {
  EXPECT_THROW(Swarm({}, {}, {}), InvalidArgument);
  EXPECT_THROW(Swarm({0, 0}, {1}, {}), InvalidArgument);
  EXPECT_THAT([] { Swarm({0, 2}, {1, 1}, {}); }, ThrowsMessage<InvalidArgument>(HasSubstr("dimension 1, got [2, 1]")));
  EXPECT_THROW(Swarm({kNan}, {1}, {}), InvalidArgument);
  EXPECT_THROW(Swarm({0}, {kInfinity}, {}), InvalidArgument);
  EXPECT_THROW(Swarm({0}, {1e301}, {}), InvalidArgument);  // steps there would overflow
}

}  // namespace
}  // namespace murmur
