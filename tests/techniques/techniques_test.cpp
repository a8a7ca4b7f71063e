#include "murmur/techniques/techniques.hpp"
#include "murmur/techniques/technique_table.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <set>

#include "murmur/engine/error.hpp"

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
  EXPECT_THAT([] { technique("loudness"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("unknown technique 'loudness': expected one of shuffle, flip")));
  EXPECT_THAT([] { technique("drop_out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("unknown technique 'drop_out': did you mean dropout?")));
  EXPECT_THAT([] { technique("lr"); }, ThrowsMessage<InvalidArgument>(HasSubstr("did you mean learning_rate?")));
}

// A range of logarithms may have its off, 0, outside.
TEST(Techniques, OffIsInRange) {
  for (const TechniqueInfo& info : techniques()) {
    SCOPED_TRACE(info.key);
    EXPECT_LT(info.low, info.high);
    EXPECT_LE(info.off, info.high);
    const bool is_below = info.kind == Kind::kLogFloat && info.off == 0;
    if (!is_below) {
      EXPECT_GE(info.off, info.low);
    }
    EXPECT_EQ(Setting()[info.id], info.off);
  }
}

TEST(Techniques, ChoicesAreNumberedAsTheirEnums) {
  EXPECT_EQ(parse_value(technique("flip"), "vertical"), static_cast<double>(Flip::kVertical));
  EXPECT_EQ(parse_value(technique("optimizer"), "adam"), static_cast<double>(Optimizer::kAdam));
  for (const TechniqueInfo& info : techniques()) {
    if (info.choices.empty()) continue;
    EXPECT_EQ(info.high, static_cast<double>(info.choices.size() - 1)) << info.key;
    EXPECT_EQ(info.kind, Kind::kCategorical) << info.key;
  }
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
  refuse("dropout", "0.96", "dropout: expected a number in [0, 0.95], got '0.96'");
  refuse("dropout", "-0.1", "got '-0.1'");
  refuse("dropout", "nan", "got 'nan'");
  refuse("dropout", "", "got ''");
  refuse("dropout", "0.1x", "got '0.1x'");
  refuse("weight_noise", "1e-13", "in [1e-12, 1] or 0, got '1e-13'");
  refuse("batch_size", "128.5", "an integer in [1, 65536]");
  refuse("optimizer", "rmsprop",
         "optimizer: expected one of sgd, momentum, adam, nesterov, adamw, sgld, got 'rmsprop'");
  refuse("optimizer", "6", "expected one of sgd");
  refuse("shuffle", "0.5", "expected one of off, on");
  Setting setting;
  EXPECT_THROW(setting.set(Technique::kDropout, 0.96), InvalidArgument);
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
