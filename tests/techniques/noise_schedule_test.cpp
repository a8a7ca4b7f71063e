#include "murmur/techniques/noise_schedule.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/techniques/schedule_table.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The factor by its definition, in double.
double factor(const NoiseSchedule& schedule, double x, double t) {
  const auto a = static_cast<double>(schedule.a), b = static_cast<double>(schedule.b);
  const auto half_cosine = [](double y) { return (1 + std::cos(M_PI * y)) / 2; };
  switch (schedule.shape) {
    case ScheduleShape::kConstant:
      return 1;
    case ScheduleShape::kEarly:
      return x < a ? 1 : 0;
    case ScheduleShape::kLate:
      return x < a ? 0 : 1;
    case ScheduleShape::kLinear:
      return a + (b - a) * x;
    case ScheduleShape::kCosine:
      return b + (a - b) * half_cosine(x);
    case ScheduleShape::kDecay:
      return std::pow(1 + t, -a);
    case ScheduleShape::kWarmup:
      return std::min(1.0, x / a);
    case ScheduleShape::kWarmupCosine:
      return x < a ? x / a : half_cosine((x - a) / (1 - a));
  }
  return -1;
}

const std::vector<const char*> kExamples{"early:0.5",     "late:0.25",    "linear:0:1",
                                         "linear:1:0.25", "cosine:1:0",   "cosine:0.1:0.9",
                                         "decay:0.55",    "warmup:0.125", "warmupcosine:0.3"};

// Progress is a float; a factor has at most five roundings of numbers up to 1, 1.1e-7 of the cosine's polynomial, and
// behind a warm-up of a third the rounded progress is stretched by pi / 2 x 3 / 2. powf is within 4 units in the last
// place on a GPU. 1e-6 holds for all.
TEST(NoiseSchedule, FactorsAreThoseOfTheDefinition) {
  for (const char* text : kExamples) {
    SCOPED_TRACE(text);
    const NoiseSchedule schedule = parse_noise_schedule(text);
    for (int64_t update = 0; update < 1000; ++update) {
      const float progress = static_cast<float>(update) / 1000;
      EXPECT_NEAR(static_cast<double>(schedule_factor(schedule, progress, update)),
                  factor(schedule, static_cast<double>(progress), static_cast<double>(update)), 1e-6)
          << update;
    }
  }
}

TEST(NoiseSchedule, TextIsReadBack) {
  for (const char* text : kExamples) {
    EXPECT_EQ(format_noise_schedule(parse_noise_schedule(text)), text);
  }
}

TEST(NoiseSchedule, WhatIsNoneIsRefused) {
  for (const char* text : {"", "early", "early:", "early:0", "early:1.5", "early:-0.5", "early:0.5:0.5", "linear:1",
                           "linear:0:2", "linear:nan:1", "decay:11", "decay:0x1", "warmup:0", "Early:0.5", "early:0.5 ",
                           "early:1e", "cosine:1:0:0", "@early:0.5"}) {
    EXPECT_THAT([&] { parse_noise_schedule(text); },
                ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("schedule: expected early:F, late:F"),
                                                     HasSubstr(std::string("got '") + text + "'"))))
        << text;
  }
}

TEST(NoiseSchedule, SettingsHaveThem) {
  Setting setting;
  parse_into(setting, technique("dropout"), "0.3@early:0.5");
  EXPECT_EQ(setting[Technique::kDropout], 0.3);
  EXPECT_EQ(setting.schedule(Technique::kDropout), (NoiseSchedule{ScheduleShape::kEarly, 0.5F, 0}));
  EXPECT_EQ(format_assignment(setting, Technique::kDropout), "dropout=0.3@early:0.5");
  Setting constant;
  parse_into(constant, technique("dropout"), "0.3");
  EXPECT_NE(setting, constant);
  EXPECT_FALSE(setting.agrees(constant, Technique::kDropout));
  EXPECT_TRUE(setting.agrees(constant, Technique::kMixup));
  setting.set(Technique::kDropout, 0.1);
  EXPECT_FALSE(setting.schedule(Technique::kDropout).is_constant()) << "a value leaves the schedule as it is";
  parse_into(setting, technique("dropout"), "0.3");
  EXPECT_EQ(setting, constant);
}

TEST(NoiseSchedule, OnlyMagnitudesFollowOne) {
  Setting setting;
  for (const char* key : {"shuffle", "flip", "optimizer", "init_scale", "batch_size", "learning_rate_schedule",
                          "batch_size_schedule", "label_noise"}) {
    const TechniqueInfo& info = technique(key);
    const std::string text = std::string(format_setting(setting, info.id)) + "@early:0.5";
    EXPECT_THAT([&] { parse_into(setting, info, text); },
                ThrowsMessage<InvalidArgument>(HasSubstr(": expected no schedule, because it is no magnitude")))
        << key;
  }
  parse_into(setting, technique("learning_rate"), "0.1@warmupcosine:0.1");
  EXPECT_EQ(format_assignment(setting, Technique::kLearningRate), "learning_rate=0.1@warmupcosine:0.1");
}

TEST(ScheduleTable, EnforcesWhatIsScheduled) {
  std::vector<ScheduledTechnique> lists(2 * kMaxScheduled);
  lists[kMaxScheduled] = {static_cast<int32_t>(Technique::kDropout), 0.5F, 1.0F / 100, {ScheduleShape::kLinear, 0, 1}};
  lists[kMaxScheduled + 1] = {static_cast<int32_t>(Technique::kMixup), 0.2F, 1.0F / 100, {ScheduleShape::kLate, 0.5F}};
  std::vector<float> values(2 * kNumTechniques, 7);
  const ScheduleTable table{lists.data(), values.data(), 2};
  table.enforce(0, 50, 3);
  EXPECT_THAT(values, ::testing::Each(7)) << "the first network has nothing scheduled";
  table.enforce(1, 25, 3);
  const auto at = [&](Technique id) { return values[static_cast<size_t>(id) * 2 + 1]; };
  EXPECT_EQ(at(Technique::kDropout), 0.125F);
  EXPECT_EQ(at(Technique::kMixup), 0);
  EXPECT_EQ(table.ahead(Technique::kDropout, 1, 75, 4, 9), 0.375F);
  EXPECT_EQ(table.ahead(Technique::kCutout, 1, 75, 4, 9), 9);
  EXPECT_EQ(std::ranges::count(values, 7.0F), 2 * kNumTechniques - 2);
  EXPECT_EQ(ScheduleTable{}.ahead(Technique::kDropout, 1, 75, 4, 9), 9);
}

}  // namespace
}  // namespace murmur
