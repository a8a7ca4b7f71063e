#include "murmur/pso/dimensions.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_json.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur {
namespace {

const Dimension& row(size_t i) {
  return study_dimension(static_cast<Technique>(i));
}

std::vector<Dimension> rows() {
  std::vector<Dimension> all;
  for (size_t i = 0; i < static_cast<size_t>(kNumTechniques); ++i) all.push_back(row(i));
  return all;
}

TEST(Dimensions, RangesAreThoseOfTheStudy) {
  struct Row {
    const char* key;
    double low, high, off;
  };
  // Altarabichi et al. 2024: the raw units of the swarm.
  constexpr Row kRows[] = {{"shuffle", 0, 1, 0},
                           {"flip", 0, 4, 1},
                           {"rotation", 0, .2, 0},
                           {"zoom", 0, .2, 0},
                           {"translation", 0, .2, 0},
                           {"contrast", 0, .2, 0},
                           {"input_noise", 0, 1, 0},
                           {"label_smoothing", 0, 1, 0},
                           {"init_scale", 0, .1, .05},
                           {"dropout", 0, .5, 0},
                           {"dropconnect", 0, .5, 0},
                           {"frozen_fraction", 0, 1, 0},
                           {"activation_noise", 0, .1, 0},
                           {"loss_noise", 0, 1, 0},
                           {"optimizer", 0, 3, 1},
                           {"learning_rate", 1, 5, 3},
                           {"learning_rate_schedule", -1, 1, 0},
                           {"batch_size", 128, 1024, 128},
                           {"batch_size_schedule", -1, 1, 0},
                           {"weight_noise", 1, 6, 6},
                           {"gradient_noise", 0, 1, 0},
                           {"gradient_dropout", 0, .5, 0}};
  ASSERT_EQ(std::size(kRows), static_cast<size_t>(kNumStudyTechniques));
  for (size_t i = 0; i < std::size(kRows); ++i) {
    EXPECT_EQ(technique(row(i).id).key, kRows[i].key);
    EXPECT_EQ(row(i).raw_low, kRows[i].low) << kRows[i].key;
    EXPECT_EQ(row(i).raw_high, kRows[i].high) << kRows[i].key;
    EXPECT_EQ(row(i).raw_off, kRows[i].off) << kRows[i].key;
    // The study initialises these sparsely: {1-7, 9-13, 19-21}.
    EXPECT_EQ(row(i).sparse, (i >= 1 && i <= 7) || (i >= 9 && i <= 13) || i >= 19) << kRows[i].key;
  }
}

TEST(Dimensions, DecodeOfRawOffIsExactlyOff) {
  for (const Dimension& row : rows()) {
    const TechniqueInfo& info = technique(row.id);
    EXPECT_GE(row.raw_off, row.raw_low) << info.key;
    EXPECT_LE(row.raw_off, row.raw_high) << info.key;
    EXPECT_EQ(decode(row, row.raw_off), info.id == Technique::kLearningRate ? std::pow(10.0, -3) : info.off)
        << info.key;
  }
}

TEST(Dimensions, DecodeStaysInRangeAndEncodeInvertsIt) {
  for (const Dimension& row : rows()) {
    const TechniqueInfo& info = technique(row.id);
    SCOPED_TRACE(info.key);
    for (int i = -10; i <= 1010; ++i) {  // also outside: decode clamps
      const double raw = row.raw_low + (row.raw_high - row.raw_low) * i / 1000;
      const double value = decode(row, raw);
      EXPECT_TRUE(value == info.off || (value >= info.low && value <= info.high)) << raw << " -> " << value;
      // pow and log10 round: a few units of 1e-16, times 5 ln 10 for the slope of the exponential.
      EXPECT_NEAR(decode(row, encode(row, value)), value, 1e-14 * std::abs(value)) << raw;
      Setting setting;
      EXPECT_NO_THROW(setting.set(info.id, value));
      EXPECT_EQ(setting[info.id], value);
    }
  }
}

TEST(Dimensions, DecodeOfTheDiscreteOnes) {
  const Dimension& flip = study_dimension(Technique::kFlip);
  for (const auto& [raw, value] :
       {std::pair{0.0, 0.0}, {0.7, 0.0}, {1.0, 0.0}, {1.01, 1.0}, {2.0, 1.0}, {3.5, 3.0}, {4.0, 3.0}}) {
    EXPECT_EQ(decode(flip, raw), value) << raw;
  }
  const Dimension& optimizer = study_dimension(Technique::kOptimizer);
  for (const auto& [raw, value] : {std::pair{0.0, 0.0}, {1.0, 0.0}, {1.5, 1.0}, {2.0, 1.0}, {2.2, 2.0}, {3.0, 2.0}}) {
    EXPECT_EQ(decode(optimizer, raw), value) << raw;
  }
  EXPECT_EQ(decode(study_dimension(Technique::kShuffle), 0.4), 0);
  EXPECT_EQ(decode(study_dimension(Technique::kShuffle), 0.6), 1);
  EXPECT_EQ(decode(study_dimension(Technique::kBatchSize), 350.4), 350);
  EXPECT_EQ(decode(study_dimension(Technique::kWeightNoise), 6.0), 0);
  EXPECT_NEAR(decode(study_dimension(Technique::kWeightNoise), 5.9986), std::pow(10, -5.9986), 1e-20);
}

// Where a raw position is the value, the search stays within what a user may set, and off is the same.
TEST(Dimensions, IdentitiesSearchWithinTheTechniquesRange) {
  for (const Dimension& row : rows()) {
    const TechniqueInfo& info = technique(row.id);
    if (row.decode != Decode::kIdentity) continue;
    EXPECT_GE(row.raw_low, info.low) << info.key;
    EXPECT_LE(row.raw_high, info.high) << info.key;
    EXPECT_EQ(row.raw_off, info.off) << info.key;
    EXPECT_EQ(row.low, row.raw_low) << info.key;
    EXPECT_EQ(row.high, row.raw_high) << info.key;
  }
}

TEST(Dimensions, JsonHoldsAllThatDecidesAValue) {
  using nlohmann::json;
  EXPECT_EQ(dimension_json(study_dimension(Technique::kOptimizer)), json::parse(R"({
    "key": "optimizer", "kind": "categorical", "choices": ["sgd", "momentum", "adam"], "off": "sgd",
    "decode": "ceil", "raw_low": 0, "raw_high": 3, "raw_off": 1, "sparse": false})"));
  EXPECT_EQ(dimension_json(study_dimension(Technique::kWeightNoise)), json::parse(R"({
    "key": "weight_noise", "kind": "float", "low": 1e-6, "high": 0.1, "off": 0, "scale": "log",
    "decode": "negative_power_or_off", "raw_low": 1, "raw_high": 6, "raw_off": 6, "sparse": true})"));
  EXPECT_EQ(dimension_json(study_dimension(Technique::kBatchSize)), json::parse(R"({
    "key": "batch_size", "kind": "integer", "low": 128, "high": 1024, "off": 128, "scale": "linear",
    "decode": "round", "raw_low": 128, "raw_high": 1024, "raw_off": 128, "sparse": false})"));
}

TEST(Dimensions, TheBoundsInAUsersUnitsAreThoseOfTheRawPositions) {
  for (const Dimension& row : rows()) {
    const nlohmann::json json = dimension_json(row);
    if (json.contains("choices")) continue;
    const double a = decode(row, row.raw_low), b = decode(row, std::nextafter(row.raw_high, row.raw_low));
    EXPECT_NEAR(json.at("low"), std::min(a, b), 1e-13 * std::abs(a)) << json;
    EXPECT_NEAR(json.at("high"), std::max(a, b), 1e-13 * std::abs(b)) << json;
  }
}

TEST(SettingJson, RoundTripsExactlyThroughText) {
  const SearchSpace space = SearchSpace::all();
  std::vector<double> position;
  for (int64_t d = 0; d < space.num_dimensions(); ++d) {
    position.push_back(space.low()[static_cast<size_t>(d)] +
                       (0.1 + 0.2) / 0.7 *
                           (space.high()[static_cast<size_t>(d)] - space.low()[static_cast<size_t>(d)]));
  }
  const Setting setting = space.decode(position);
  const nlohmann::json all = setting_json(setting);
  EXPECT_EQ(all.size(), static_cast<size_t>(kNumTechniques));
  EXPECT_EQ(all.at("flip"), "both");
  EXPECT_EQ(parse_setting_json(nlohmann::json::parse(all.dump())), setting);
  const nlohmann::json part = setting_json(setting, SettingPart::kNotOff);
  EXPECT_FALSE(part.contains("transient_weight_noise"));
  EXPECT_EQ(parse_setting_json(part), setting);
}

TEST(SettingJson, RefusesWhatIsNoSetting) {
  for (const char* text : {"[]", "3", "null", R"({"telepathy": 1})", R"({"dropout": "high"})", R"({"dropout": 0.97})",
                           R"({"optimizer": 2})", R"({"optimizer": "lion"})", R"({"dropout": null})"}) {
    EXPECT_THROW(parse_setting_json(nlohmann::json::parse(text)), InvalidArgument) << text;
  }
}

}  // namespace
}  // namespace murmur
