#include "murmur/pso/swarm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "murmur/engine/error.hpp"
#include "murmur/pso/random.hpp"
#include "swarm_fixture.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

using test::kNan;

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
  EXPECT_EQ(swarm.best()->id, asked[2].id);
  EXPECT_EQ(swarm.best()->position, asked[2].position);
  EXPECT_EQ(swarm.personal_best(2)->fitness, 0.5);
  EXPECT_FALSE(swarm.personal_best(0).has_value());
  swarm.tell(asked[0].id, 0.4);
  EXPECT_EQ(swarm.best()->id, asked[2].id);
  EXPECT_EQ(swarm.personal_best(0)->fitness, 0.4);
  swarm.tell(asked[1].id, 0.5);  // a tie is no improvement
  EXPECT_EQ(swarm.best()->id, asked[2].id);
}

TEST(Swarm, AContenderIsEvaluatedAgainBeforeItIsABest) {
  SwarmOptions twice = options(1);
  twice.num_evaluations = 3;
  Swarm swarm(kLow, kHigh, twice);
  // Asks, tells, and says whether the next position asked for is another one.
  const auto moves_after = [&](double fitness) {
    const Candidate candidate = swarm.ask(1).at(0);
    swarm.tell(candidate.id, fitness);
    return swarm.position(0) != candidate.position;
  };
  EXPECT_FALSE(moves_after(0.8));
  EXPECT_FALSE(moves_after(0.5));
  EXPECT_FALSE(swarm.best().has_value());
  EXPECT_TRUE(moves_after(0.5));
  ASSERT_TRUE(swarm.best().has_value());
  EXPECT_DOUBLE_EQ(swarm.best()->fitness, 0.6);  // the mean
  EXPECT_EQ(swarm.best()->id, 2);
  EXPECT_TRUE(moves_after(0.6));   // a tie: no contender
  EXPECT_FALSE(moves_after(0.9));  // one lucky evaluation ...
  EXPECT_TRUE(moves_after(0.2));   // ... which the mean of two is not
  EXPECT_FALSE(moves_after(0.7));
  EXPECT_TRUE(moves_after(kNan));  // a failure ends it
  EXPECT_DOUBLE_EQ(swarm.best()->fitness, 0.6);
  EXPECT_FALSE(moves_after(0.7));
  EXPECT_FALSE(moves_after(0.7));
  EXPECT_TRUE(moves_after(0.7));
  EXPECT_DOUBLE_EQ(swarm.best()->fitness, 0.7);
  EXPECT_EQ(swarm.best()->id, 10);
}

TEST(Swarm, ContendersOfNoiseAreNotBelieved) {
  // A fitness that is nothing but noise of mean 0 and standard deviation 1: the best of 400 single evaluations is that
  // of the luckiest, about 3, that of means of 16 at most what the noise of a mean (1/4) allows. A bound of 4 standard
  // deviations on the largest of at most 400 means fails once in a hundred runs; the seed is fixed.
  const auto best_after = [](int64_t num_evaluations) {
    SwarmOptions swarm_options = options(8);
    swarm_options.num_evaluations = num_evaluations;
    Swarm swarm(kLow, kHigh, swarm_options);
    std::mt19937_64 engine(7);
    std::normal_distribution<double> noise;
    for (int i = 0; i < 400; ++i) swarm.tell(swarm.ask(1).at(0).id, noise(engine));
    return swarm.best()->fitness;
  };
  EXPECT_GT(best_after(1), 2);
  EXPECT_LT(best_after(16), 1);
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

class SwarmReplay : public testing::TestWithParam<int64_t> {};

TEST_P(SwarmReplay, RestoresARunThatWasCut) {
  // An asynchronous run with tells out of order, failures, and candidates still out at the end.
  SwarmOptions swarm_options = options(5, 3);
  swarm_options.num_evaluations = GetParam();
  Swarm original(kLow, kHigh, swarm_options);
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
  Swarm resumed(kLow, kHigh, swarm_options);
  resumed.replay(record, original.num_asked());
  expect_same_state(original, resumed);
  EXPECT_FALSE(resumed.outstanding().empty());
  run(original, 80);
  EXPECT_THROW(resumed.replay(record, 0), InvalidArgument);  // not new
  run(resumed, 80);
  expect_same_state(original, resumed);
}

INSTANTIATE_TEST_SUITE_P(Evaluations, SwarmReplay, testing::Values(1, 3));

TEST(Swarm, ReplayRejectsARecordOfAnotherSwarm) {
  const std::vector<ToldCandidate> six_out{{0, 1.0, 6}};
  const std::vector<ToldCandidate> backwards{{0, 1.0, 2}, {1, 1.0, 1}};
  const std::vector<ToldCandidate> unknown{{7, 1.0, 2}};
  for (const auto& record : {six_out, backwards, unknown}) {
    Swarm swarm(kLow, kHigh, options(5));
    EXPECT_THROW(swarm.replay(record, 6), InvalidArgument);
  }
}

}  // namespace
}  // namespace murmur
