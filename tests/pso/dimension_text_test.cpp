#include "murmur/pso/dimension_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_json.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr DimensionDefaults kDefaults{LossReduction::kMean, 0.25};

/// Of a uniform position: how often the technique is off, exactly.
double share_off(const Dimension& dimension) {
  constexpr int kCount = 10000;
  int num_off = 0;
  for (int i = 0; i < kCount; ++i) {
    const double raw = dimension.raw_low + (dimension.raw_high - dimension.raw_low) * (i + 0.5) / kCount;
    if (decode(dimension, raw) == technique(dimension.id).off) ++num_off;
  }
  return static_cast<double>(num_off) / kCount;
}

TEST(DimensionDefaults, ThoseOfThePaperAreTheStudys) {
  for (const TechniqueInfo& info : techniques()) {
    EXPECT_EQ(default_dimension(info.id, {LossReduction::kSum, 0}), study_dimension(info.id)) << info.key;
  }
}

TEST(DimensionDefaults, OffHasItsProbability) {
  for (const TechniqueInfo& info : techniques()) {
    const Dimension dimension = default_dimension(info.id, kDefaults);
    if (!has_off(dimension)) continue;
    EXPECT_NEAR(share_off(dimension), 0.25, 1e-3) << info.key;  // of four kinds of flips one is none
    EXPECT_EQ(decode(dimension, off_position(dimension)), info.off) << info.key;
  }
}

TEST(DimensionDefaults, WhatIsOnKeepsItsRangeAndScale) {
  for (const TechniqueInfo& info : techniques()) {
    const Dimension study = study_dimension(info.id);
    const Dimension dimension = default_dimension(info.id, kDefaults);
    if (!has_off_interval(dimension)) continue;
    for (int i = 0; i <= 100; ++i) {
      const double raw = study.raw_low + (study.raw_high - study.raw_low) * i / 100;
      const double value = decode(study, raw);
      const double again = decode(dimension, encode(dimension, value));
      EXPECT_NEAR(again, value, 1e-14 * std::max(1.0, std::abs(value))) << info.key << " " << raw;
      EXPECT_EQ(again == info.off, value == info.off) << info.key << " " << raw;
      // What is on lies in the interval's order on either side of it.
      if (value != info.off) {
        // (A whole number is itself, half a step nearer to off, which has taken what rounds to it.)
        const bool is_whole = dimension.decode == Decode::kRound;
        const double shift = dimension.off_high - dimension.raw_off - (is_whole ? 0.5 : 0);
        EXPECT_NEAR(encode(dimension, value), raw < study.raw_off ? raw : (is_whole ? value : raw) + shift, 1e-9);
      }
    }
  }
}

TEST(DimensionDefaults, TheLearningRateSuitsTheLoss) {
  const Dimension mean = default_dimension(Technique::kLearningRate, kDefaults);
  EXPECT_EQ(mean.low, 1e-4);
  EXPECT_EQ(mean.high, 1);
  EXPECT_DOUBLE_EQ(decode(mean, 0), 1);
  EXPECT_DOUBLE_EQ(decode(mean, 4), 1e-4);
  EXPECT_DOUBLE_EQ(decode(mean, encode(mean, 0.1)), 0.1);
}

TEST(ParseDimension, Ranges) {
  const Dimension dropout = parse_dimension("dropout:0:0.2", kDefaults);
  EXPECT_EQ(dropout.low, 0);
  EXPECT_EQ(dropout.high, 0.2);
  EXPECT_NEAR(share_off(dropout), 0.25, 1e-3);
  EXPECT_EQ(decode(dropout, dropout.raw_high), 0.2);
  EXPECT_TRUE(dropout.sparse);
  EXPECT_EQ(decode(dropout, encode(dropout, 0.1)), 0.1);

  const Dimension rate = parse_dimension("learning_rate:1e-4:1e-2", kDefaults);  // its default scale: log
  EXPECT_EQ(rate, parse_dimension("learning_rate:1e-4:1e-2:log", kDefaults));
  EXPECT_DOUBLE_EQ(decode(rate, 3), 1e-3);
  EXPECT_EQ(decode(rate, rate.raw_low), 1e-2);
  EXPECT_EQ(decode(rate, rate.raw_high), 1e-4);
  EXPECT_FALSE(has_off_interval(rate));
  const Dimension linear = parse_dimension("learning_rate:0.1:0.3:linear", kDefaults);
  EXPECT_EQ(decode(linear, 0.2), 0.2);

  // A noise between bounds that are not off: off has its probability, and lies beyond the smallest.
  const Dimension noise = parse_dimension("input_noise:0.01:1:log", kDefaults);
  EXPECT_NEAR(share_off(noise), 0.25, 1e-3);
  EXPECT_EQ(decode(noise, noise.raw_high), 0);
  EXPECT_NEAR(decode(noise, noise.raw_off - 1e-9), 0.01, 1e-9);
  EXPECT_EQ(share_off(parse_dimension("input_noise:0.01:1:log:on", kDefaults)), 0);
  EXPECT_FALSE(parse_dimension("input_noise:0.01:1:on", kDefaults).sparse);
  EXPECT_EQ(share_off(parse_dimension("weight_noise:on", kDefaults)), 0);

  const Dimension batch = parse_dimension("batch_size:256:512", kDefaults);
  EXPECT_EQ(decode(batch, 300.4), 300);
  EXPECT_EQ(study_schema::distribution_json(batch),
            R"({"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 256, "high": 512}})");
  EXPECT_EQ(study_schema::distribution_json(noise),
            R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}})");
  EXPECT_EQ(study_schema::distribution_json(rate),
            R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.01, "log": true}})");
}

TEST(ParseDimension, Values) {
  const Dimension optimizer = parse_dimension("optimizer=adam|sgd", kDefaults);
  EXPECT_EQ(decode(optimizer, 0.5), 2);
  EXPECT_EQ(decode(optimizer, 1.5), 0);
  EXPECT_EQ(encode(optimizer, 0), 2);
  EXPECT_EQ(stored_value(optimizer, 2), 0);  // its place in Optuna's distribution
  EXPECT_EQ(parse_stored_value(optimizer, 1), 0);
  EXPECT_THROW(parse_stored_value(optimizer, 2), InvalidArgument);
  EXPECT_EQ(study_schema::distribution_json(optimizer),
            R"({"name": "CategoricalDistribution", "attributes": {"choices": ["adam", "sgd"]}})");
  const Dimension batch = parse_dimension("batch_size=128|512|256", kDefaults);
  EXPECT_EQ(decode(batch, 1.5), 512);
  EXPECT_EQ(study_schema::distribution_json(batch),
            R"({"name": "CategoricalDistribution", "attributes": {"choices": [128.0, 512.0, 256.0]}})");
  const Dimension dropout = parse_dimension("dropout=0.1|0|0.2", kDefaults);
  EXPECT_TRUE(dropout.sparse);
  EXPECT_EQ(decode(dropout, off_position(dropout)), 0);
  EXPECT_FALSE(parse_dimension("dropout=0.1|0.2", kDefaults).sparse);
}

TEST(ParseDimension, Conditions) {
  const SearchSpace space({parse_dimension("learning_rate:1e-3:1@optimizer=sgd|momentum", kDefaults),
                           parse_dimension("optimizer", kDefaults)});
  Setting base;
  base.set(Technique::kLearningRate, 0.002);
  EXPECT_DOUBLE_EQ(space.decode(std::vector{1.0, 0.5}, base)[Technique::kLearningRate], 0.1);
  EXPECT_DOUBLE_EQ(space.decode(std::vector{1.0, 1.5}, base)[Technique::kLearningRate], 0.1);
  EXPECT_EQ(space.decode(std::vector{1.0, 2.5}, base)[Technique::kLearningRate], 0.002);
  EXPECT_THAT(
      [] {
        SearchSpace({parse_dimension("zoom@flip=both", kDefaults), parse_dimension("flip@shuffle=on", kDefaults)});
      },
      ThrowsMessage<InvalidArgument>(HasSubstr("expected 'flip', which 'zoom' depends on, to depend on nothing")));
}

TEST(ParseDimension, JsonRoundTrips) {
  for (const char* text :
       {"dropout", "flip", "shuffle", "weight_noise", "weight_noise:on", "learning_rate", "batch_size=128|512",
        "optimizer=adam|sgd", "input_noise:0.01:1:log", "zoom:0:0.1@flip=both|none", "learning_rate_schedule",
        "dropout.schedule", "dropout.schedule=early:0.25|constant|decay:0.5@optimizer=adam"}) {
    const Dimension dimension = parse_dimension(text, kDefaults);
    EXPECT_EQ(parse_dimension_json(nlohmann::json::parse(dimension_json(dimension).dump())), dimension) << text;
  }
}

TEST(ParseDimension, RefusesWhatIsNone) {
  const auto refuse = [](const char* text, const char* message) {
    EXPECT_THAT([&] { parse_dimension(text, kDefaults); }, ThrowsMessage<InvalidArgument>(HasSubstr(message))) << text;
  };
  refuse("telepathy", "unknown technique 'telepathy'");
  refuse("", "unknown technique ''");
  refuse("dropout:0.2", "expected dropout, dropout:LOW:HIGH, dropout:LOW:HIGH:log or dropout=VALUE|VALUE");
  refuse("dropout:0.2:0.1", "expected LOW < HIGH, got 0.2 and 0.1");
  refuse("dropout:0:2", "dropout: expected a number in [0, 0.95], got '2'");
  refuse("dropout:0:0.5:log", "expected a linear range, got log from 0");
  refuse("dropout:0:0.5:cubic", "expected log or linear");
  refuse("batch_size:128:512:log", "expected a linear range");
  refuse("optimizer:0:2", "expected values, as in optimizer=sgd, got a range");
  refuse("optimizer=sgd|sgd", "expected each value once, got 'sgd|sgd'");
  refuse("optimizer=", "expected one of sgd, momentum, adam, nesterov, adamw, sgld, got ''");
  refuse("optimizer:on", "expected no ':on', it is never off");
  refuse("dropout@", "expected a condition @TECHNIQUE=VALUE, got '@'");
  refuse("dropout@dropout=0.1", "a condition on another technique");
  refuse("dropout@optimizer=lion", "expected one of sgd");
  refuse("telepathy.schedule", "unknown technique 'telepathy'");
  refuse("shuffle.schedule", "shuffle: expected no schedule, because it is no magnitude");
  refuse("dropout.schedule:0:1", "expected dropout.schedule or dropout.schedule=SCHEDULE|SCHEDULE");
  refuse("dropout.schedule=", "schedule: expected");
  refuse("dropout.schedule=early:2", "schedule: expected");
  refuse("dropout.schedule=early:0.5|late:0.5|early:0.50", "expected each schedule once, got early:0.5 twice");
}

TEST(ParseDimension, JsonOfScheduleIsChecked) {
  nlohmann::json object = dimension_json(parse_dimension("dropout.schedule=constant|early:0.5", kDefaults));
  EXPECT_EQ(object.dump(), R"({"choices":["constant","early:0.5"],"key":"dropout.schedule","kind":"categorical"})");
  const auto refuse = [](const nlohmann::json& bad, const char* message) {
    EXPECT_THAT([&] { parse_dimension_json(bad); }, ThrowsMessage<InvalidArgument>(HasSubstr(message))) << bad;
  };
  object["sparse"] = true;
  refuse(object, "expected search_space dropout.schedule =");
  refuse({{"key", "dropout.schedule"}, {"choices", {1}}}, "expected a schedule, got 1");
  refuse({{"key", "dropout.schedule"}}, "expected one schedule or more, got none");
  refuse({{"key", ".schedule"}, {"choices", {"constant"}}}, "unknown technique ''");
}

}  // namespace
}  // namespace murmur
