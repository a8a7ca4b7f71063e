#include "murmur/pso/search_space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/random.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(SearchSpace, AllHasTheStudysDimensionsInItsOrder) {
  const SearchSpace space = SearchSpace::all();
  ASSERT_EQ(space.num_dimensions(), 22);
  EXPECT_EQ(space.keys().front(), "shuffle");
  EXPECT_EQ(space.keys()[14], "optimizer");
  EXPECT_EQ(space.keys().back(), "gradient_dropout");
  // Altarabichi et al. 2024: dimensions 1-7, 9-13 and 19-21.
  std::set<int64_t> sparse;
  for (size_t d = 0; d < space.sparse().size(); ++d) {
    if (space.sparse()[d]) sparse.insert(static_cast<int64_t>(d));
  }
  EXPECT_EQ(sparse, (std::set<int64_t>{1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 19, 20, 21}));
}

TEST(SearchSpace, BoundsAndOffAreInRawUnits) {
  const SearchSpace space({Technique::kWeightNoise, Technique::kFlip, Technique::kBatchSize});
  EXPECT_EQ(space.low(), (std::vector<double>{1, 0, 128}));
  EXPECT_EQ(space.high(), (std::vector<double>{6, 4, 1024}));
  EXPECT_EQ(space.off(), (std::vector<double>{6, 1, 128}));
}

TEST(SearchSpace, OffDecodesToExactlyOffAndBack) {
  const SearchSpace space = SearchSpace::all();
  EXPECT_EQ(space.decode(space.off()), Setting());
  EXPECT_EQ(space.encode(Setting()), space.off());
}

class EachTechnique : public testing::TestWithParam<int> {};

TEST_P(EachTechnique, DecodeAndEncodeRoundTrip) {
  const Dimension& info = study_dimension(static_cast<Technique>(GetParam()));
  const SearchSpace space({info.id});
  for (int i = 0; i <= 40; ++i) {
    const double raw = info.raw_low + (info.raw_high - info.raw_low) * i / 40;
    const Setting setting = space.decode(std::vector{raw});
    const std::vector<double> encoded = space.encode(setting);
    EXPECT_GE(encoded[0], info.raw_low);
    EXPECT_LE(encoded[0], info.raw_high);
    const double again = space.decode(encoded)[info.id];
    // 10^-log10(v): the exponent is at most 6, so its rounding moves the value by less than 6 ln(10) 2^-52 < 4e-15.
    const TechniqueInfo& row = technique(info.id);
    const bool exact = row.kind != Kind::kLogFloat || setting[info.id] == row.off;
    EXPECT_NEAR(again, setting[info.id], exact ? 0 : 4e-15 * setting[info.id]) << row.key << " raw " << raw;
  }
  const std::vector<double> off = space.encode(Setting());
  EXPECT_EQ(off[0], info.raw_off);
  EXPECT_EQ(space.decode(off)[info.id], technique(info.id).off);
}

TEST_P(EachTechnique, DecodeClampsToTheBounds) {
  const Dimension& info = study_dimension(static_cast<Technique>(GetParam()));
  const SearchSpace space({info.id});
  EXPECT_EQ(space.decode(std::vector{info.raw_low - 3}), space.decode(std::vector{info.raw_low}));
  EXPECT_EQ(space.decode(std::vector{info.raw_high + 3}), space.decode(std::vector{info.raw_high}));
}

INSTANTIATE_TEST_SUITE_P(SearchSpace, EachTechnique, testing::Range(0, kNumTechniques), [](const auto& test) {
  return std::string(techniques()[static_cast<size_t>(test.param)].key);
});

TEST(SearchSpace, KnownValues) {
  const SearchSpace space({Technique::kOptimizer, Technique::kLearningRate, Technique::kBatchSize, Technique::kFlip,
                           Technique::kShuffle, Technique::kWeightNoise});
  const Setting setting = space.decode(std::vector{2.1, 2.0, 350.4, 3.2, 0.49, 5.0});
  EXPECT_EQ(setting[Technique::kOptimizer], 2);  // adam
  EXPECT_DOUBLE_EQ(setting[Technique::kLearningRate], 0.01);
  EXPECT_EQ(setting[Technique::kBatchSize], 350);
  EXPECT_EQ(setting[Technique::kFlip], 3);  // vertical
  EXPECT_EQ(setting[Technique::kShuffle], 0);
  EXPECT_DOUBLE_EQ(setting[Technique::kWeightNoise], 1e-5);
}

TEST(SearchSpace, SmallestWeightNoiseIsNotOff) {
  const SearchSpace space({Technique::kWeightNoise});
  Setting setting;
  setting.set(Technique::kWeightNoise, 1e-6);
  EXPECT_NEAR(space.decode(space.encode(setting))[Technique::kWeightNoise], 1e-6, 1e-20);
}

TEST(SearchSpace, ValueOutsideOfTheSearchedRangeBecomesTheBound) {
  const SearchSpace space({Technique::kBatchSize});
  Setting setting;
  setting.set(Technique::kBatchSize, 64);
  EXPECT_EQ(space.encode(setting), std::vector<double>{128});
}

TEST(SearchSpace, OtherDimensionsKeepTheBase) {
  Setting base;
  base.set(Technique::kDropout, 0.25);
  base.set(Technique::kOptimizer, 2);
  const Setting setting = SearchSpace({Technique::kDropout}).decode(std::vector{0.125}, base);
  EXPECT_EQ(setting[Technique::kDropout], 0.125);
  EXPECT_EQ(setting[Technique::kOptimizer], 2);
  EXPECT_EQ(setting[Technique::kInitScale], 0.05);
}

TEST(SearchSpace, RejectsWhatItCannotMap) {
  EXPECT_THAT([] { SearchSpace(std::vector<Technique>{}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("at least one technique")));
  EXPECT_THAT(
      [] {
        SearchSpace({Technique::kZoom, Technique::kZoom});
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("'zoom' twice")));
  EXPECT_THAT([] { SearchSpace({static_cast<Technique>(kNumTechniques)}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("below 47, got 47")));
  const SearchSpace space({Technique::kZoom, Technique::kFlip});
  EXPECT_THAT([&] { space.decode(std::vector{0.1}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("2 dimensions, got 1")));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT([&] { space.decode(std::vector{0.1, bad}); }, ThrowsMessage<InvalidArgument>(HasSubstr("'flip'")));
  }
}

TEST(SparseInitialisation, KeepsFourOfTheSparseDimensions) {
  const SearchSpace space = SearchSpace::all();
  const auto uniform = uniform_initial_positions(space.low(), space.high(), 500, 7);
  const auto positions = sparse_initial_positions(space, 500, 7);
  ASSERT_EQ(positions.size(), 500u);
  std::vector<int> kept(22, 0);
  for (size_t p = 0; p < positions.size(); ++p) {
    int num_kept = 0;
    for (size_t d = 0; d < 22; ++d) {
      if (space.sparse()[d] && positions[p][d] == space.off()[d]) continue;
      EXPECT_EQ(positions[p][d], uniform[p][d]);
      ++kept[d];
      num_kept += space.sparse()[d];
    }
    EXPECT_EQ(num_kept, 4);
  }
  for (size_t d = 0; d < 22; ++d) {
    // A sparse dimension stays with probability 4/15: binomial(500), standard deviation 9.9; 5 of them on either side.
    EXPECT_NEAR(kept[d], space.sparse()[d] ? 500 * 4 / 15.0 : 500.0, space.sparse()[d] ? 50 : 0) << space.keys()[d];
  }
}

TEST(SparseInitialisation, IsAddressedBySeedAndParticle) {
  const SearchSpace space = SearchSpace::all();
  const auto five = sparse_initial_positions(space, 5, 7);
  const auto nine = sparse_initial_positions(space, 9, 7);
  EXPECT_TRUE(std::equal(five.begin(), five.end(), nine.begin()));
  EXPECT_NE(five, sparse_initial_positions(space, 5, 8));
}

TEST(SparseInitialisation, SmallSpacesKeepWhatTheyHave) {
  const SearchSpace space({Technique::kDropout, Technique::kZoom, Technique::kLearningRate});
  EXPECT_EQ(sparse_initial_positions(space, 6, 1), uniform_initial_positions(space.low(), space.high(), 6, 1));
  for (const auto& position : sparse_initial_positions(space, 6, 1, 0)) {
    EXPECT_EQ(position[0], 0);
    EXPECT_EQ(position[1], 0);
    EXPECT_NE(position[2], 3);
  }
  EXPECT_THROW(sparse_initial_positions(space, 6, 1, -1), InvalidArgument);
  EXPECT_THROW(sparse_initial_positions(space, 0, 1), InvalidArgument);
}

TEST(SwarmUniforms, AreUniformAndDifferByEachPartOfTheAddress) {
  double sum = 0;
  constexpr int kCount = 20000;
  for (int i = 0; i < kCount; ++i) {
    const UniformPair u = swarm_uniforms(3, SwarmStream::kMove, i % 10, i / 10, 0);
    ASSERT_TRUE(u.first > 0 && u.first < 1 && u.second > 0 && u.second < 1);
    sum += u.first + u.second;
  }
  // The mean of n uniforms has standard deviation 1/sqrt(12 n) = 0.00144; 5 of them.
  EXPECT_NEAR(sum / (2 * kCount), 0.5, 0.0073);
  std::set<double> values{
      swarm_uniforms(3, SwarmStream::kMove, 1, 1, 1).first, swarm_uniforms(3, SwarmStream::kMove, 1, 1, 1).second,
      swarm_uniforms(4, SwarmStream::kMove, 1, 1, 1).first, swarm_uniforms(3, SwarmStream::kSparse, 1, 1, 1).first,
      swarm_uniforms(3, SwarmStream::kMove, 2, 1, 1).first, swarm_uniforms(3, SwarmStream::kMove, 1, 2, 1).first,
      swarm_uniforms(3, SwarmStream::kMove, 1, 1, 2).first};
  EXPECT_EQ(values.size(), 7u);
}

// A schedule is a dimension of its own, which exists where its technique is on.
TEST(SearchSpace, SchedulesOfTechniques) {
  const DimensionDefaults defaults{.off_probability = 0.5};
  const SearchSpace space({parse_dimension("dropout.schedule=late:0.25|constant|linear:1:0", defaults),
                           parse_dimension("dropout:0:0.5", defaults)});
  EXPECT_THAT(space.keys(), testing::ElementsAre("dropout.schedule", "dropout"));
  EXPECT_EQ(space.find(Technique::kDropout), &space.dimensions()[1]);
  const auto schedule = [](const Setting& setting) { return setting.schedule(Technique::kDropout); };
  const NoiseSchedule late{ScheduleShape::kLate, 0.25F}, linear{ScheduleShape::kLinear, 1, 0};
  Setting base;
  base.set_schedule(Technique::kDropout, linear);
  const double on = 0.3, off = space.low()[1];
  EXPECT_EQ(schedule(space.decode(std::vector{0.5, on}, base)), late);
  EXPECT_EQ(schedule(space.decode(std::vector{1.5, on}, base)), NoiseSchedule{});
  EXPECT_EQ(schedule(space.decode(std::vector{3.0, on}, base)), linear);
  EXPECT_GT(space.decode(std::vector{0.5, on}, base)[Technique::kDropout], 0);
  EXPECT_EQ(schedule(space.decode(std::vector{0.5, off}, base)), linear) << "off: it keeps the base's";
  EXPECT_EQ(space.decode(std::vector{0.5, off}, base)[Technique::kDropout], 0);
  EXPECT_EQ(space.off()[0], 2) << "constant";
  for (const double place : {0.5, 1.5, 2.5}) {
    const Setting setting = space.decode(std::vector{place, on}, base);
    EXPECT_EQ(space.decode(space.encode(setting), base), setting);
  }
  EXPECT_THAT(
      [&] {
        SearchSpace({space.dimensions()[0], space.dimensions()[0]});
      },
      testing::ThrowsMessage<InvalidArgument>(testing::HasSubstr("got 'dropout.schedule' twice")));
}

}  // namespace
}  // namespace murmur
