// The tests of the random numbers, in a quick version: 200,000 values each. The whole one is bench_statistics.
#include "bench/statistics/battery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "bench/statistics/cases.hpp"
#include "bench/statistics/walk.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::bench {
namespace {

// All tests are one family of less than 4,000: one of them errs in at most 1 % of all families (Bonferroni). The draws
// are fixed.
constexpr double kLeastP = kLevel / 4000;

BatteryOptions quick(const std::string& only) {
  BatteryOptions options;
  options.num_elements = 200'000;
  options.only = only;
  return options;
}

void expect_passes(const Subject& subject) {
  EXPECT_FALSE(subject.outcomes.empty());
  for (const Outcome& outcome : subject.outcomes) {
    EXPECT_GE(outcome.p, kLeastP) << subject.name << ", " << outcome.test << ": " << outcome.statistic << " "
                                  << outcome.value << ", expected " << outcome.expected;
  }
}

class CaseBattery : public ::testing::TestWithParam<Case> {};

TEST_P(CaseBattery, IsAsIndependentDrawsOfItsLawWouldBe) {
  expect_passes(test_case(Group::kTechniques, GetParam(), quick("")));
}

std::string test_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Distributions, CaseBattery, ::testing::ValuesIn(distribution_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Techniques, CaseBattery, ::testing::ValuesIn(technique_cases()), test_name);

std::string group_name(const ::testing::TestParamInfo<const char*>& info) {
  return "number_" + std::to_string(info.index);
}

class GroupBattery : public ::testing::TestWithParam<const char*> {};

TEST_P(GroupBattery, Passes) {
  const Report report = run_battery(quick(GetParam()));
  EXPECT_TRUE(report.passes());
  for (const Subject& subject : report.subjects) expect_passes(subject);
}

// Also the pairs of techniques, whose names have " and ".
INSTANTIATE_TEST_SUITE_P(Names, GroupBattery,
                         ::testing::Values("words by element", "words by item", "words by update", "words by epoch",
                                           "words by layer", "words by technique", "words by network", "words by seed",
                                           "words by upper-seed", "avalanche", " and ", "permutations"),
                         group_name);

// What has a formula with a random word or normal has a case: a new technique that draws needs a line in cases.cpp.
TEST(Cases, AreOfAllTechniquesThatDraw) {
  std::set<std::string> names;
  for (const Case& one : technique_cases()) names.insert(one.name.substr(0, one.name.find(',')));
  const std::set<Technique> without_randomness{
      Technique::kLabelSmoothing,    Technique::kLearningRate, Technique::kLearningRateSchedule, Technique::kBatchSize,
      Technique::kBatchSizeSchedule, Technique::kGradientClip, Technique::kWeightDecay,
  };
  for (const TechniqueInfo& info : techniques()) {
    if (without_randomness.contains(info.id)) continue;
    std::string name(info.key);
    std::ranges::replace(name, '_', ' ');
    if (info.id == Technique::kInitScale) name = "initial weights";
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Battery, RefusesWhatItCannotTest) {
  BatteryOptions few;
  few.num_elements = 99'999;
  EXPECT_THROW(run_battery(few), InvalidArgument);
  EXPECT_THROW(run_battery(quick("no such name")), InvalidArgument);
  EXPECT_THROW(walk("elements"), InvalidArgument);
}

TEST(Battery, IsTheSameEveryTimeAndAnotherWithAnotherSeed) {
  BatteryOptions options = quick("mask, p = 0.5");
  const double z = run_battery(options).subjects.at(0).outcomes.at(4).value;
  EXPECT_EQ(run_battery(options).subjects.at(0).outcomes.at(4).value, z);
  options.seed = 2;
  EXPECT_NE(run_battery(options).subjects.at(0).outcomes.at(4).value, z);
}

// The bounds of a family: |z| of 0.01 / number of tests, and p values as Holm adjusts them.
TEST(Battery, AdjustsForAllTests) {
  const Report report = run_battery(quick("uniform"));
  double least = 1;
  for (const Subject& subject : report.subjects) {
    ASSERT_EQ(subject.adjusted.size(), subject.outcomes.size());
    for (const Outcome& outcome : subject.outcomes) least = std::min(least, outcome.p);
  }
  EXPECT_GT(report.num_tests(), 50);
  EXPECT_NEAR(report.least_adjusted(), std::min(1.0, least * static_cast<double>(report.num_tests())), 1e-12);
  EXPECT_NEAR(from_z("", report.z_bound()).p, kLevel / static_cast<double>(report.num_tests()), 1e-9);
}

}  // namespace
}  // namespace murmur::bench
