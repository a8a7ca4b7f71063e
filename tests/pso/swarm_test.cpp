#include "pso/swarm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "engine/error.hpp"
#include "pso/random.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::vector<double> kLow{-5, 0, 100};
const std::vector<double> kHigh{5, 1, 300};

SwarmOptions options(int64_t num_particles, uint64_t seed = 1) {
  SwarmOptions result;
  result.num_particles = num_particles;
  result.seed = seed;
  return result;
}

/// Highest, 0, at a point that is neither centre nor corner.
double sphere(const std::vector<double>& x) {
  const double target[] = {1.5, 0.25, 170};
  double sum = 0;
  for (size_t d = 0; d < x.size(); ++d) sum += std::pow((x[d] - target[d]) / (kHigh[d] - kLow[d]), 2);
  return -sum;
}

/// Sweeps of ask all, tell all in the order of asking.
void run(Swarm& swarm, int64_t num_tells) {
  while (swarm.num_told() < num_tells) {
    for (const Candidate& candidate : swarm.ask(swarm.options().num_particles)) {
      swarm.tell(candidate.id, sphere(candidate.position));
    }
  }
}

void expect_same_state(const Swarm& a, const Swarm& b) {
  for (int64_t p = 0; p < a.options().num_particles; ++p) {
    EXPECT_EQ(a.position(p), b.position(p));
    EXPECT_EQ(a.velocity(p), b.velocity(p));
  }
  ASSERT_EQ(a.global_best().has_value(), b.global_best().has_value());
  if (a.global_best()) EXPECT_EQ(a.global_best()->position, b.global_best()->position);
  EXPECT_EQ(a.outstanding(), b.outstanding());
  EXPECT_EQ(a.num_told(), b.num_told());
  EXPECT_EQ(a.converged(), b.converged());
}

TEST(Swarm, StartsUniformWithinBoundsAndVelocityLimit) {
  const Swarm swarm(kLow, kHigh, options(2000));
  for (size_t d = 0; d < 3; ++d) {
    const double range = kHigh[d] - kLow[d];
    double mean = 0, speed = 0, fastest = 0;
    for (int64_t p = 0; p < 2000; ++p) {
      mean += (swarm.position(p)[d] - kLow[d]) / range / 2000;
      speed += swarm.velocity(p)[d] / range / 2000;
      fastest = std::max(fastest, std::abs(swarm.velocity(p)[d]) / range);
    }
    // Standard deviations of the means: 0.289/sqrt(2000) = 0.0065 and 0.4 times that; 5 of them.
    EXPECT_NEAR(mean, 0.5, 0.033);
    EXPECT_NEAR(speed, 0, 0.013);
    EXPECT_LE(fastest, 0.2);
    EXPECT_GT(fastest, 0.199);  // missed with probability 0.995^2000 < 1e-4
  }
}

TEST(Swarm, OneStepIsTheFormula) {
  Swarm swarm(kLow, kHigh, options(2, 99));
  const std::vector<Candidate> asked = swarm.ask(2);
  const std::vector<double> x0 = swarm.position(0);
  const std::vector<double> v0 = swarm.velocity(0);
  swarm.tell(asked[1].id, 5.0);  // particle 1 is the global best, where it stood
  swarm.tell(asked[0].id, 3.0);  // particle 0's own best is where it stands: no cognitive pull yet
  const std::vector<double> x1 = swarm.position(0);
  for (size_t d = 0; d < 3; ++d) {
    const double r2 = swarm_uniforms(99, SwarmStream::kMove, 0, 1, static_cast<int64_t>(d)).second;
    const double limit = 0.2 * (kHigh[d] - kLow[d]);
    double v = 0.7298 * v0[d] + 1.49618 * r2 * (asked[1].position[d] - x0[d]);
    v = std::min(std::max(v, -limit), limit);
    EXPECT_DOUBLE_EQ(swarm.velocity(0)[d], v);
    EXPECT_DOUBLE_EQ(x1[d], std::min(std::max(x0[d] + v, kLow[d]), kHigh[d]));
  }
  // Its second move, after a worse evaluation: now both bests pull.
  const std::vector<double> v1 = swarm.velocity(0);
  for (const Candidate& candidate : swarm.ask(2)) {
    if (candidate.particle == 0) swarm.tell(candidate.id, 1.0);
  }
  for (size_t d = 0; d < 3; ++d) {
    const UniformPair r = swarm_uniforms(99, SwarmStream::kMove, 0, 2, static_cast<int64_t>(d));
    const double limit = 0.2 * (kHigh[d] - kLow[d]);
    double v =
        0.7298 * v1[d] + 1.49618 * r.first * (x0[d] - x1[d]) + 1.49618 * r.second * (asked[1].position[d] - x1[d]);
    v = std::min(std::max(v, -limit), limit);
    EXPECT_DOUBLE_EQ(swarm.velocity(0)[d], v);
    EXPECT_DOUBLE_EQ(swarm.position(0)[d], std::min(std::max(x1[d] + v, kLow[d]), kHigh[d]));
  }
}

TEST(Swarm, BestsCountAtOnce) {
  Swarm swarm(kLow, kHigh, options(3));
  const std::vector<Candidate> asked = swarm.ask(3);
  swarm.tell(asked[2].id, 0.5);
  EXPECT_EQ(swarm.global_best()->id, asked[2].id);
  EXPECT_EQ(swarm.global_best()->position, asked[2].position);
  EXPECT_EQ(swarm.personal_best(2)->fitness, 0.5);
  EXPECT_FALSE(swarm.personal_best(0).has_value());
  swarm.tell(asked[0].id, 0.4);
  EXPECT_EQ(swarm.global_best()->id, asked[2].id);
  EXPECT_EQ(swarm.personal_best(0)->fitness, 0.4);
  swarm.tell(asked[1].id, 0.5);  // a tie is no improvement
  EXPECT_EQ(swarm.global_best()->id, asked[2].id);
}

TEST(Swarm, AsksEachParticleOnceUntilItIsTold) {
  Swarm swarm(kLow, kHigh, options(4));
  EXPECT_TRUE(swarm.ask(0).empty());
  const std::vector<Candidate> first = swarm.ask(3);
  ASSERT_EQ(first.size(), 3u);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first[static_cast<size_t>(i)].id, i);
    EXPECT_EQ(first[static_cast<size_t>(i)].particle, i);
    EXPECT_EQ(first[static_cast<size_t>(i)].position, swarm.position(i));
  }
  const std::vector<Candidate> second = swarm.ask(3);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].particle, 3);
  EXPECT_TRUE(swarm.ask(1).empty());
  EXPECT_EQ(swarm.outstanding().size(), 4u);
  swarm.tell(1, 0.0);
  const std::vector<Candidate> third = swarm.ask(3);
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0].id, 4);
  EXPECT_EQ(third[0].particle, 1);
}

TEST(Swarm, FewSlotsStarveNoParticle) {
  Swarm swarm(kLow, kHigh, options(5));
  std::vector<int> asks(5, 0);
  for (int i = 0; i < 50; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    ++asks[static_cast<size_t>(candidate.particle)];
    swarm.tell(candidate.id, sphere(candidate.position));
  }
  EXPECT_EQ(asks, std::vector<int>(5, 10));
}

TEST(Swarm, RejectsATellOfNothing) {
  Swarm swarm(kLow, kHigh, options(2));
  EXPECT_THAT([&] { swarm.tell(0, 1.0); }, ThrowsMessage<InvalidArgument>(HasSubstr("got id 0")));
  swarm.ask(1);
  swarm.tell(0, 1.0);
  EXPECT_THROW(swarm.tell(0, 1.0), InvalidArgument);
  EXPECT_THROW(swarm.ask(-1), InvalidArgument);
  EXPECT_THROW(swarm.position(2), InvalidArgument);
}

TEST(Swarm, ASeedReproducesTheRun) {
  Swarm a(kLow, kHigh, options(6, 5)), b(kLow, kHigh, options(6, 5)), c(kLow, kHigh, options(6, 6));
  run(a, 60);
  run(b, 60);
  run(c, 60);
  expect_same_state(a, b);
  EXPECT_NE(a.position(0), c.position(0));
}

TEST(Swarm, OneByOneAsksEqualABatch) {
  Swarm a(kLow, kHigh, options(6)), b(kLow, kHigh, options(6));
  for (int sweep = 0; sweep < 4; ++sweep) {
    const std::vector<Candidate> batch = a.ask(6);
    std::vector<Candidate> singles;
    for (int i = 0; i < 6; ++i) singles.push_back(b.ask(1).at(0));
    EXPECT_EQ(batch, singles);
    for (const Candidate& candidate : batch) {
      a.tell(candidate.id, sphere(candidate.position));
      b.tell(candidate.id, sphere(candidate.position));
    }
  }
}

TEST(Swarm, OrderOfTellsMattersOnlyThroughTheBests) {
  // Without the social term no particle sees another, so any order of tells gives the same swarm.
  SwarmOptions alone = options(6);
  alone.social_coefficient = 0;
  Swarm a(kLow, kHigh, alone), b(kLow, kHigh, alone);
  for (int sweep = 0; sweep < 5; ++sweep) {
    const std::vector<Candidate> batch = a.ask(6);
    EXPECT_EQ(batch, b.ask(6));
    for (size_t i = 0; i < 6; ++i) {
      a.tell(batch[i].id, sphere(batch[i].position));
      b.tell(batch[5 - i].id, sphere(batch[5 - i].position));
    }
  }
  expect_same_state(a, b);
  // With it, a particle told after the best one of the sweep moves as if it had been told last.
  Swarm c(kLow, kHigh, options(6)), d(kLow, kHigh, options(6));
  const std::vector<Candidate> batch = c.ask(6);
  d.ask(6);
  for (const size_t i : {3u, 0u, 1u, 2u, 4u, 5u}) c.tell(batch[i].id, i == 3 ? 1.0 : 0.0);
  for (const size_t i : {3u, 5u, 4u, 2u, 1u, 0u}) d.tell(batch[i].id, i == 3 ? 1.0 : 0.0);
  expect_same_state(c, d);
}

TEST(Swarm, PositionsAndVelocitiesStayWithinTheirLimits) {
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

TEST(Swarm, FindsTheOptimumOfTheSphere) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Swarm swarm(kLow, kHigh, options(22, seed));
    run(swarm, 2200);
    EXPECT_GT(swarm.global_best()->fitness, -1e-6) << "seed " << seed;
    EXPECT_NEAR(swarm.global_best()->position[0], 1.5, 0.02);
  }
}

TEST(Swarm, FailedCandidatesDriftAndNeverBecomeABest) {
  for (const double failed : {kNan, -kInfinity}) {
    Swarm swarm(kLow, kHigh, options(4));
    for (int i = 0; i < 40; ++i) {
      const Candidate candidate = swarm.ask(1).at(0);
      for (const double x : candidate.position) ASSERT_TRUE(std::isfinite(x));
      const double v = swarm.velocity(candidate.particle)[0];
      swarm.tell(candidate.id, failed);
      EXPECT_DOUBLE_EQ(swarm.velocity(candidate.particle)[0], 0.7298 * v);
    }
    EXPECT_FALSE(swarm.global_best().has_value());
    EXPECT_FALSE(swarm.personal_best(0).has_value());
    EXPECT_TRUE(swarm.converged());  // ten sweeps without any success
    const Candidate candidate = swarm.ask(1).at(0);
    swarm.tell(candidate.id, -1e9);
    EXPECT_EQ(swarm.global_best()->position, candidate.position);
    EXPECT_FALSE(swarm.converged());
  }
}

TEST(Swarm, OneParticle) {
  Swarm swarm(kLow, kHigh, options(1));
  EXPECT_EQ(swarm.ask(5).size(), 1u);
  EXPECT_TRUE(swarm.ask(1).empty());
  swarm.tell(0, sphere(swarm.position(0)));
  const double first = swarm.global_best()->fitness;
  run(swarm, 200);
  EXPECT_GT(swarm.global_best()->fitness, first);
}

TEST(Swarm, ARangeOfZeroWidthStays) {
  Swarm swarm({1, 0}, {1, 1}, options(3));
  for (int i = 0; i < 30; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    EXPECT_EQ(candidate.position[0], 1);
    EXPECT_TRUE(std::isfinite(candidate.position[1]));
    swarm.tell(candidate.id, candidate.position[1]);
  }
}

TEST(Swarm, HugeRangesAndCoefficientsStayFinite) {
  SwarmOptions wild = options(3);
  wild.inertia_weight = wild.cognitive_coefficient = wild.social_coefficient = 1000;
  Swarm swarm({-1e300}, {1e300}, wild);
  for (int i = 0; i < 100; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    ASSERT_TRUE(std::isfinite(candidate.position[0]));
    swarm.tell(candidate.id, std::abs(candidate.position[0]));
  }
}

TEST(Swarm, ConvergesAfterPatienceSweepsWithoutABetterBest) {
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

TEST(Swarm, StartsAtGivenPositions) {
  const std::vector<std::vector<double>> positions{{1, 0.5, 200}, {5, 1, 300}};
  const Swarm swarm(kLow, kHigh, options(2), positions);
  EXPECT_EQ(swarm.position(0), positions[0]);
  EXPECT_EQ(swarm.position(1), positions[1]);
  EXPECT_EQ(swarm.velocity(0), Swarm(kLow, kHigh, options(2)).velocity(0));
  const auto with = [](std::vector<std::vector<double>> list) { return Swarm(kLow, kHigh, options(2), list); };
  EXPECT_THAT([&] { with({{1, 0.5, 200}}); }, ThrowsMessage<InvalidArgument>(HasSubstr("2 initial positions, got 1")));
  EXPECT_THAT(
      [&] {
        with({{1, 0.5, 200}, {1, 0.5}});
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("position 1 of 3 dimensions, got 2")));
  EXPECT_THAT(
      [&] {
        with({{1, 1.5, 200}, {1, 0.5, 200}});
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("within [0, 1] in dimension 1, got 1.5")));
  EXPECT_THROW(with({{1, kNan, 200}, {1, 0.5, 200}}), InvalidArgument);
}

TEST(Swarm, ReplayRestoresARunThatWasCut) {
  // An asynchronous run with tells out of order, failures, and candidates still out at the end.
  Swarm original(kLow, kHigh, options(5, 3));
  std::vector<ToldCandidate> record;
  const auto tell = [&](const Candidate& candidate, double fitness) {
    record.push_back({candidate.id, fitness, original.num_asked()});
    original.tell(candidate.id, fitness);
  };
  original.ask(3);
  for (int i = 0; i < 40; ++i) {
    const std::vector<Candidate> out = original.outstanding();
    const Candidate& candidate = out[static_cast<size_t>(i * 7) % out.size()];
    tell(candidate, i % 4 == 3 ? kNan : sphere(candidate.position));
    if (i % 5 != 4) original.ask(i % 3 + 1);
    if (original.outstanding().empty()) original.ask(2);
  }
  Swarm resumed(kLow, kHigh, options(5, 3));
  resumed.replay(record, original.num_asked());
  expect_same_state(original, resumed);
  EXPECT_FALSE(resumed.outstanding().empty());
  run(original, 80);
  EXPECT_THROW(resumed.replay(record, 0), InvalidArgument);  // not new
}

TEST(Swarm, ReplayRejectsARecordOfAnotherSwarm) {
  const std::vector<ToldCandidate> six_out{{0, 1.0, 6}};
  const std::vector<ToldCandidate> backwards{{0, 1.0, 2}, {1, 1.0, 1}};
  const std::vector<ToldCandidate> unknown{{7, 1.0, 2}};
  for (const auto& record : {six_out, backwards, unknown}) {
    Swarm swarm(kLow, kHigh, options(5));
    EXPECT_THROW(swarm.replay(record, 6), InvalidArgument);
  }
}

TEST(Swarm, ValidatesItsOptions) {
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
  expect_rejected("patience", [](SwarmOptions& o) { o.patience = 0; });
  expect_rejected("topology", [](SwarmOptions& o) { o.topology = static_cast<Topology>(9); });
}

TEST(Swarm, ValidatesItsBounds) {
  EXPECT_THROW(Swarm({}, {}, {}), InvalidArgument);
  EXPECT_THROW(Swarm({0, 0}, {1}, {}), InvalidArgument);
  EXPECT_THAT([] { Swarm({0, 2}, {1, 1}, {}); }, ThrowsMessage<InvalidArgument>(HasSubstr("dimension 1, got [2, 1]")));
  EXPECT_THROW(Swarm({kNan}, {1}, {}), InvalidArgument);
  EXPECT_THROW(Swarm({0}, {kInfinity}, {}), InvalidArgument);
}

}  // namespace
}  // namespace murmur
