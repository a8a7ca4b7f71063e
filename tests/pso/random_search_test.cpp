#include "murmur/pso/random_search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "swarm_fixture.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(RandomSearch, AsksForTheUniformPositionsInTheirOrder) {
  const auto expected = uniform_initial_positions(kLow, kHigh, 30, 7);
  RandomSearch search(kLow, kHigh, 7, 4);
  std::vector<Candidate> asked = search.ask(10);
  for (int i = 0; i < 20; ++i) asked.push_back(search.ask(1).at(0));
  ASSERT_EQ(asked.size(), 30u);
  for (int64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(asked[static_cast<size_t>(i)], (Candidate{i, i, expected[static_cast<size_t>(i)], false}));
  }
  EXPECT_EQ(search.outstanding(), asked);
  EXPECT_EQ(search.num_asked(), 30);
  EXPECT_EQ(search.num_at_once(), 4);
  EXPECT_EQ(search.stage_one().num_candidates, 0);
}

TEST(RandomSearch, KeepsTheBestAndNeverConverges) {
  RandomSearch search(kLow, kHigh, 1);
  const std::vector<Candidate> asked = search.ask(6);
  search.tell(0, std::numeric_limits<double>::quiet_NaN());
  search.tell(1, -std::numeric_limits<double>::infinity());
  EXPECT_FALSE(search.best().has_value());
  search.tell(5, 0.5);
  search.tell(3, 0.7);
  search.tell(2, 0.7);  // a tie is no improvement
  EXPECT_EQ(search.best()->id, 3);
  EXPECT_EQ(search.best()->position, asked[3].position);
  EXPECT_EQ(search.num_told(), 5);
  EXPECT_FALSE(search.converged());
  EXPECT_THAT([&] { search.tell(3, 1); }, ThrowsMessage<InvalidArgument>(HasSubstr("got id 3")));
  EXPECT_THAT([&] { search.tell(6, 1); }, ThrowsMessage<InvalidArgument>(HasSubstr("got id 6")));
  EXPECT_THROW(search.ask(-1), InvalidArgument);
  EXPECT_THROW(RandomSearch({1}, {0}, 1), InvalidArgument);
}

TEST(RandomSearch, ReplayBringsItBack) {
  RandomSearch original(kLow, kHigh, 3);
  std::vector<ToldCandidate> record;
  original.ask(4);
  for (const int64_t id : {2, 0, 3, 4}) {
    record.push_back(
        {id, sphere(original.outstanding().front().position) + static_cast<double>(id), original.num_asked()});
    original.tell(id, record.back().fitness);
    original.ask(1);
  }
  RandomSearch resumed(kLow, kHigh, 3);
  std::vector<int64_t> seen;
  resumed.replay(record, original.num_asked(), [&](const Candidate& candidate) { seen.push_back(candidate.id); });
  EXPECT_THAT(seen, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(resumed.outstanding(), original.outstanding());
  EXPECT_EQ(resumed.best()->id, original.best()->id);
  EXPECT_EQ(resumed.ask(1), original.ask(1));
}

TEST(RandomSearch, EndsWithTheNumbersThatAnAddressHasRoomFor) {
  RandomSearch search({0}, {1}, 3);
  search.ask(kMaxParticles - 1);
  EXPECT_EQ(search.ask(5).size(), 1u);
  EXPECT_TRUE(search.ask(5).empty());
}

}  // namespace
}  // namespace murmur
