#include "murmur/techniques/techniques.hpp"
#include "murmur/techniques/technique_table.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "murmur/engine/error.hpp"
#include "murmur/kernels/network_state.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Techniques, RowsAreInTheOrderOfTheEnum) {
  ASSERT_EQ(techniques().size(), static_cast<size_t>(kNumTechniques));
  for (size_t i = 0; i < techniques().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(techniques()[i].id), i);
    EXPECT_EQ(&technique(techniques()[i].id), &techniques()[i]);
  }
}

TEST(Techniques, KeysAreUniqueAndFindTheirRow) {
  std::set<std::string_view> keys;
  for (const TechniqueInfo& info : techniques()) {
    EXPECT_TRUE(keys.insert(info.key).second) << info.key;
    EXPECT_EQ(&technique(info.key), &info);
    EXPECT_EQ(info.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << info.key;
    EXPECT_FALSE(info.help.empty()) << info.key;
  }
  EXPECT_THAT([] { technique("drop_out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("unknown technique 'drop_out': expected one of shuffle, flip")));
}

// weight_noise is the one exception: its range is logarithmic, so that its off, 0, lies outside.
TEST(Techniques, OffIsInRange) {
  for (const TechniqueInfo& info : techniques()) {
    SCOPED_TRACE(info.key);
    EXPECT_LT(info.low, info.high);
    EXPECT_LT(info.raw_low, info.raw_high);
    EXPECT_GE(info.raw_off, info.raw_low);
    EXPECT_LE(info.raw_off, info.raw_high);
    EXPECT_LE(info.off, info.high);
    if (info.id == Technique::kWeightNoise) {
      EXPECT_EQ(info.off, 0);
    } else {
      EXPECT_GE(info.off, info.low);
    }
    EXPECT_EQ(Setting()[info.id], info.off);
  }
}

TEST(Techniques, RangesAreThoseOfTheStudy) {
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
    EXPECT_EQ(techniques()[i].key, kRows[i].key);
    EXPECT_EQ(techniques()[i].raw_low, kRows[i].low) << kRows[i].key;
    EXPECT_EQ(techniques()[i].raw_high, kRows[i].high) << kRows[i].key;
    EXPECT_EQ(techniques()[i].raw_off, kRows[i].off) << kRows[i].key;
    // The study initialises these sparsely: {1-7, 9-13, 19-21}.
    EXPECT_EQ(techniques()[i].sparse, (i >= 1 && i <= 7) || (i >= 9 && i <= 13) || i >= 19) << kRows[i].key;
  }
}

TEST(Techniques, DecodeOfRawOffIsExactlyOff) {
  for (const TechniqueInfo& info : techniques()) {
    EXPECT_EQ(decode(info, info.raw_off), info.id == Technique::kLearningRate ? std::pow(10.0, -3) : info.off)
        << info.key;
  }
}

TEST(Techniques, DecodeStaysInRangeAndEncodeInvertsIt) {
  for (const TechniqueInfo& info : techniques()) {
    SCOPED_TRACE(info.key);
    for (int i = -10; i <= 1010; ++i) {  // also outside: decode clamps
      const double raw = info.raw_low + (info.raw_high - info.raw_low) * i / 1000;
      const double value = decode(info, raw);
      EXPECT_TRUE(value == info.off || (value >= info.low && value <= info.high)) << raw << " -> " << value;
      // pow and log10 round: a few units of 1e-16, times 5 ln 10 for the slope of the exponential.
      EXPECT_NEAR(decode(info, encode(info, value)), value, 1e-14 * std::abs(value)) << raw;
      Setting setting;
      EXPECT_NO_THROW(setting.set(info.id, value));
      EXPECT_EQ(setting[info.id], value);
    }
  }
}

TEST(Techniques, DecodeOfTheDiscreteOnes) {
  const TechniqueInfo& flip = technique("flip");
  for (const auto& [raw, value] :
       {std::pair{0.0, 0.0}, {0.7, 0.0}, {1.0, 0.0}, {1.01, 1.0}, {2.0, 1.0}, {3.5, 3.0}, {4.0, 3.0}}) {
    EXPECT_EQ(decode(flip, raw), value) << raw;
  }
  const TechniqueInfo& optimizer = technique("optimizer");
  for (const auto& [raw, value] : {std::pair{0.0, 0.0}, {1.0, 0.0}, {1.5, 1.0}, {2.0, 1.0}, {2.2, 2.0}, {3.0, 2.0}}) {
    EXPECT_EQ(decode(optimizer, raw), value) << raw;
  }
  EXPECT_EQ(decode(technique("shuffle"), 0.4), 0);
  EXPECT_EQ(decode(technique("shuffle"), 0.6), 1);
  EXPECT_EQ(decode(technique("batch_size"), 350.4), 350);
  EXPECT_EQ(decode(technique("weight_noise"), 6.0), 0);
  EXPECT_NEAR(decode(technique("weight_noise"), 5.9986), std::pow(10, -5.9986), 1e-20);
}

TEST(Techniques, ParseAndFormat) {
  EXPECT_EQ(parse_value(technique("dropout"), "0.25"), 0.25);
  EXPECT_EQ(parse_value(technique("optimizer"), "adam"), 2);
  EXPECT_EQ(parse_value(technique("optimizer"), "1"), 1);
  EXPECT_EQ(parse_value(technique("shuffle"), "on"), 1);
  EXPECT_EQ(parse_value(technique("weight_noise"), "0"), 0);
  EXPECT_EQ(format_value(technique("optimizer"), 2), "adam");
  EXPECT_EQ(format_value(technique("dropout"), 0.25), "0.25");
  for (const TechniqueInfo& info : techniques()) {
    EXPECT_EQ(parse_value(info, format_value(info, info.off)), info.off) << info.key;
  }
}

TEST(Techniques, BadValuesAreRefusedWithTheRange) {
  const auto refuse = [](const char* key, const char* text, const char* message) {
    EXPECT_THAT([&] { parse_value(technique(key), text); }, ThrowsMessage<InvalidArgument>(HasSubstr(message)))
        << key << " " << text;
  };
  refuse("dropout", "0.51", "dropout: expected a number in [0, 0.5], got '0.51'");
  refuse("dropout", "-0.1", "got '-0.1'");
  refuse("dropout", "nan", "got 'nan'");
  refuse("dropout", "", "got ''");
  refuse("dropout", "0.1x", "got '0.1x'");
  refuse("weight_noise", "1e-7", "in [1e-06, 0.1] or 0, got '1e-7'");
  refuse("batch_size", "128.5", "an integer in [1, 1024]");
  refuse("optimizer", "rmsprop", "optimizer: expected one of sgd, momentum, adam, got 'rmsprop'");
  refuse("optimizer", "3", "expected one of sgd");
  refuse("shuffle", "0.5", "expected one of off, on");
  Setting setting;
  EXPECT_THROW(setting.set(Technique::kDropout, 0.6), InvalidArgument);
  EXPECT_THROW(setting.set(Technique::kDropout, std::numeric_limits<double>::quiet_NaN()), InvalidArgument);
  EXPECT_EQ(setting, Setting());
}

TEST(Techniques, SitesAreUnique) {
  std::set<uint32_t> sites;
  for (const TechniqueInfo& info : techniques()) {
    for (const uint32_t layer : {0u, 1u, 2u, 255u, 65535u}) EXPECT_TRUE(sites.insert(make_site(info.id, layer)).second);
  }
}

// A program that sets only some techniques, or none, has the others off: batches of 128, not of 0.
TEST(TechniqueTable, WhatIsNotSetIsOff) {
  const std::vector<float> values = table_of_off_values(3);
  const TechniqueTable table{values.data(), 3}, null;
  for (const TechniqueInfo& info : techniques()) {
    for (int64_t network = 0; network < 3; ++network) {
      EXPECT_EQ(table.get(info.id, network), static_cast<float>(info.off)) << info.key;
      EXPECT_EQ(null.get(info.id, network), static_cast<float>(info.off)) << info.key;
    }
  }
  EXPECT_EQ(null.get(Technique::kBatchSize, 0), 128);
}

}  // namespace
}  // namespace murmur
