#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "murmur/engine/error.hpp"
#include "murmur/pso/swarm.hpp"
#include "swarm_fixture.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

using test::kNan;

SwarmOptions two_stage(int64_t num_particles, int64_t num_stage_one, uint64_t seed = 1) {
  SwarmOptions result = options(num_particles, seed);
  result.num_stage_one = num_stage_one;
  return result;
}

/// What stage one tells of start i: a permutation of 0 .. 11.
double preliminary(int64_t i) {
  return static_cast<double>(i * 5 % 12);
}

TEST(SwarmTwoStage, TheBestStartsBecomeTheParticles) {
  Swarm swarm(kLow, kHigh, two_stage(3, 12));
  const Swarm all(kLow, kHigh, options(12));  // the same starts as particles of a plain swarm
  for (int64_t i = 0; i < 12; ++i) {
    const Candidate candidate = swarm.ask(1).at(0);
    EXPECT_EQ(candidate, (Candidate{i, i, all.position(i), true}));
    EXPECT_EQ(swarm.outstanding(), std::vector{candidate});
    swarm.tell(i, preliminary(i));
  }
  EXPECT_EQ(swarm.num_stage_one_told(), 12);
  EXPECT_FALSE(swarm.best().has_value());
  std::set<std::vector<double>> velocities;
  const std::vector<Candidate> particles = swarm.ask(12);
  ASSERT_EQ(particles.size(), 3u);
  std::vector<std::vector<double>> positions;
  for (const Candidate& candidate : particles) {
    EXPECT_FALSE(candidate.stage_one);
    EXPECT_FALSE(swarm.personal_best(candidate.particle).has_value());
    positions.push_back(candidate.position);
    velocities.insert(swarm.velocity(candidate.particle));
  }
  // 11, 10 and 9 were told of the starts 7, 2 and 9.
  EXPECT_THAT(positions, testing::UnorderedElementsAre(all.position(7), all.position(2), all.position(9)));
  EXPECT_EQ(velocities, (std::set{all.velocity(7), all.velocity(2), all.velocity(9)}));
  // Fitnesses that are worse than any of stage one are the first bests all the same.
  swarm.tell(particles[1].id, -5);
  EXPECT_EQ(swarm.best()->fitness, -5);
  EXPECT_EQ(swarm.best()->id, particles[1].id);
  EXPECT_EQ(swarm.personal_best(1)->position, particles[1].position);
}

TEST(SwarmTwoStage, AStartThatNothingCanDisplaceJoinsAtOnce) {
  Swarm swarm(kLow, kHigh, two_stage(2, 4));
  swarm.ask(4);
  swarm.tell(3, 0.5);
  swarm.tell(1, 0.9);  // 0 and 2 may yet be better than both
  EXPECT_TRUE(swarm.ask(1).empty());
  swarm.tell(0, 0.1);  // only 2 is out: 1 has its place, 3 has not
  ASSERT_EQ(swarm.ask(4).size(), 1u);
  EXPECT_EQ(swarm.outstanding().back().position, Swarm(kLow, kHigh, options(4)).position(1));
  swarm.tell(2, 0.7);
  ASSERT_EQ(swarm.ask(4).size(), 1u);
  EXPECT_EQ(swarm.outstanding().back().position, Swarm(kLow, kHigh, options(4)).position(2));
}

// Whatever stage one brings, and in whatever order it is told.
TEST(SwarmTwoStage, NoMoreSlotsThanParticlesAreAlwaysFull) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Swarm swarm(kLow, kHigh, two_stage(5, 13, seed));
    std::vector<Candidate> out;
    for (uint64_t i = 0; i < 60; ++i) {
      for (const Candidate& candidate : swarm.ask(5 - static_cast<int64_t>(out.size()))) out.push_back(candidate);
      ASSERT_EQ(out.size(), 5u) << "after " << i << " tells";
      const auto told = out.begin() + static_cast<std::ptrdiff_t>((i * 7 + seed) % 5);
      swarm.tell(told->id, i % 4 == seed % 4 ? kNan : sphere(told->position));
      out.erase(told);
    }
  }
}

TEST(SwarmTwoStage, OfEqualsTheEarlierGoesOnAndFailuresFillUp) {
  Swarm swarm(kLow, kHigh, two_stage(4, 6));
  swarm.ask(6);
  for (const int64_t i : {5, 2, 4, 0, 3, 1}) swarm.tell(i, i == 4 || i == 1 ? 0.5 : kNan);
  const Swarm all(kLow, kHigh, options(6));
  std::vector<std::vector<double>> positions;
  for (const Candidate& candidate : swarm.ask(6)) positions.push_back(candidate.position);
  EXPECT_THAT(positions,
              testing::UnorderedElementsAre(all.position(4), all.position(1), all.position(0), all.position(2)));
}

TEST(SwarmTwoStage, PatienceBeginsWithTheParticles) {
  SwarmOptions impatient = two_stage(2, 50);
  impatient.patience = 1;
  Swarm swarm(kLow, kHigh, impatient);
  const auto tell_one = [&swarm](double fitness) { swarm.tell(swarm.ask(1).at(0).id, fitness); };
  for (int i = 0; i < 50; ++i) tell_one(1);
  EXPECT_FALSE(swarm.converged());
  tell_one(0.5);
  tell_one(0.25);
  EXPECT_FALSE(swarm.converged());
  tell_one(0.25);
  EXPECT_TRUE(swarm.converged());
}

TEST(SwarmTwoStage, OneByOneAsksEqualABatch) {
  Swarm a(kLow, kHigh, two_stage(3, 7)), b(kLow, kHigh, two_stage(3, 7));
  for (int round = 0; round < 8; ++round) {
    const std::vector<Candidate> batch = a.ask(4);
    std::vector<Candidate> singles;
    for (size_t i = 0; i < batch.size(); ++i) singles.push_back(b.ask(1).at(0));
    EXPECT_EQ(batch, singles);
    for (const Candidate& candidate : batch) {
      a.tell(candidate.id, sphere(candidate.position));
      b.tell(candidate.id, sphere(candidate.position));
    }
  }
}

TEST(SwarmTwoStage, ReplayRestoresARunThatWasCutAnywhere) {
  for (int cut = 0; cut < 40; ++cut) {
    Swarm original(kLow, kHigh, two_stage(4, 11, 3));
    std::vector<ToldCandidate> record;
    const auto advance = [&](Swarm& swarm, int i) {
      swarm.ask(i % 3 + 1);
      const std::vector<Candidate> out = swarm.outstanding();
      const Candidate& candidate = out[static_cast<size_t>(i * 7) % out.size()];
      const double fitness = i % 5 == 3 ? kNan : sphere(candidate.position);
      if (&swarm == &original) record.push_back({candidate.id, fitness, swarm.num_asked()});
      swarm.tell(candidate.id, fitness);
    };
    for (int i = 0; i < cut; ++i) advance(original, i);
    Swarm resumed(kLow, kHigh, two_stage(4, 11, 3));
    resumed.replay(record, original.num_asked());
    for (int i = cut; i < 60; ++i) {
      ASSERT_EQ(original.outstanding(), resumed.outstanding()) << "cut after " << cut;
      advance(original, i);
      advance(resumed, i);
    }
    expect_same_state(original, resumed);
  }
}

TEST(SwarmTwoStage, ValidatesItsOptions) {
  for (const int64_t bad : {int64_t{21}, int64_t{-1}, int64_t{1} << 40}) {
    EXPECT_THAT([&] { Swarm(kLow, kHigh, two_stage(22, bad)); },
                ThrowsMessage<InvalidArgument>(HasSubstr("num_stage_one in [22 (num_particles), 1048576], or 0")));
  }
  EXPECT_THAT(
      [&] {
        Swarm(kLow, kHigh, two_stage(1, 2), {{1, 0.5, 200}});
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("2 initial positions, got 1")));
  EXPECT_THROW(Swarm(kLow, kHigh, two_stage(1, 2)).position(0), InvalidArgument);  // none has joined
  EXPECT_EQ(Swarm(kLow, kHigh, two_stage(22, 22)).ask(30).size(), 22u);
}

}  // namespace
}  // namespace murmur
