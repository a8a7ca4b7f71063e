#include "murmur/pso/pruner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "murmur/engine/error.hpp"
#include "tests/support/numbers.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using Accuracies = std::vector<double>;

using test::kNan;

TEST(Pruner, NoneIsNoPruner) {
  EXPECT_EQ(make_pruner({}, 20), nullptr);
}

TEST(Pruner, NamesAreReadAndOthersRefused) {
  for (const auto& [name, kind] : {std::pair("none", PrunerKind::kNone),
                                   {"median", PrunerKind::kMedian},
                                   {"halving", PrunerKind::kHalving},
                                   {"hyperband", PrunerKind::kHyperband}}) {
    EXPECT_EQ(parse_pruner_kind(name), kind);
  }
  EXPECT_THAT(
      [] { parse_pruner_kind("asha"); },
      ThrowsMessage<InvalidArgument>(HasSubstr("expected one of none, median, halving, hyperband, got 'asha'")));
}

TEST(Pruner, RefusesOptionsThatMakeNone) {
  const auto refuse = [](const PrunerOptions& options, const char* expected) {
    EXPECT_THAT([&] { make_pruner(options, 20); }, ThrowsMessage<InvalidArgument>(HasSubstr(expected)));
  };
  refuse({PrunerKind::kHalving, 0, 3, 5}, "epochs before the first trial is pruned of at least 1, got 0");
  refuse({PrunerKind::kHalving, 1, 1, 5}, "factor between rungs of at least 2, got 1");
  refuse({PrunerKind::kHalving, 1, int64_t{1} << 40, 5}, "of at most 1048576");
  refuse({PrunerKind::kMedian, 1, 3, 0}, "trials to compare with of at least 1, got 0");
}

TEST(MedianPruner, ComparesTheBestSoFarWithTheMedianOfCompleteTrialsAtTheSameEpoch) {
  const auto pruner = make_pruner({PrunerKind::kMedian, 1, 3, 3}, 3);
  pruner->complete(Accuracies{.1, .5, .9});
  pruner->complete(Accuracies{.3, .7, .8});
  EXPECT_FALSE(pruner->prunes(9, Accuracies{.01})) << "two are too few";
  pruner->complete(Accuracies{.2, .6, .7});
  EXPECT_TRUE(pruner->prunes(9, Accuracies{.19}));
  EXPECT_FALSE(pruner->prunes(9, Accuracies{.2}));
  EXPECT_TRUE(pruner->prunes(9, Accuracies{.3, .59}));
  EXPECT_FALSE(pruner->prunes(9, Accuracies{.65, .1})) << "its best counts";
  EXPECT_FALSE(pruner->prunes(9, Accuracies{kNan, .61}));
  pruner->complete(Accuracies{.5, .8, .9});
  EXPECT_TRUE(pruner->prunes(9, Accuracies{.249})) << "of four the mean of the middle two: .25";
  EXPECT_FALSE(pruner->prunes(9, Accuracies{.251}));
}

TEST(MedianPruner, SparesTheFirstEpochsAndEpochsThatNoneHasReached) {
  const auto pruner = make_pruner({PrunerKind::kMedian, 2, 3, 1}, 3);
  pruner->complete(Accuracies{.5, .5});
  EXPECT_FALSE(pruner->prunes(9, Accuracies{.1}));
  EXPECT_TRUE(pruner->prunes(9, Accuracies{.1, .1}));
  EXPECT_FALSE(pruner->prunes(9, Accuracies{.1, .1, .1}));
}

/// Accuracies so far, of which only the last one counts.
Accuracies at(int64_t epochs, double accuracy) {
  return Accuracies(static_cast<size_t>(epochs), accuracy);
}

TEST(HalvingPruner, KeepsTheBestShareOfARung) {
  const auto pruner = make_pruner({PrunerKind::kHalving, 2, 3, 5}, 20);  // rungs 2, 6, 18
  for (const double accuracy : {.1, .2, .3, .4, .5, .6, .7}) pruner->report(0, at(2, accuracy));
  for (const double accuracy : {.1, .5}) EXPECT_TRUE(pruner->prunes(0, at(2, accuracy)));
  for (const double accuracy : {.6, .7}) EXPECT_FALSE(pruner->prunes(0, at(2, accuracy))) << "two of seven";
  for (const int64_t epochs : {1, 3, 5, 7, 17, 19, 20}) EXPECT_FALSE(pruner->prunes(0, at(epochs, 0))) << epochs;
  pruner->report(0, at(6, .2));
  EXPECT_FALSE(pruner->prunes(0, at(6, .2))) << "the first is the best";
  pruner->report(1, at(6, .3));
  EXPECT_TRUE(pruner->prunes(0, at(6, .2)));
  EXPECT_FALSE(pruner->prunes(1, at(6, .3)));
  pruner->report(2, at(18, .2));
  pruner->report(3, at(18, kNan));
  EXPECT_FALSE(pruner->prunes(2, at(18, .2)));
}

TEST(HalvingPruner, OfEqualAccuraciesAllGoOn) {
  const auto pruner = make_pruner({PrunerKind::kHalving, 1, 4, 5}, 20);
  for (int64_t trial = 0; trial < 9; ++trial) pruner->report(trial, at(1, .5));
  EXPECT_FALSE(pruner->prunes(3, at(1, .5)));
}

/// What the order of the accuracies says, whatever their number and the order in which they come.
TEST(HalvingPruner, IsTheOrderStatistic) {
  std::mt19937 random(7);
  for (const int64_t factor : {2, 3, 4}) {
    const auto pruner = make_pruner({PrunerKind::kHalving, 1, factor, 5}, 20);
    Accuracies all;
    for (int64_t trial = 0; trial < 200; ++trial) {
      const double accuracy = static_cast<double>(random() % 50) / 50;
      all.push_back(accuracy);
      pruner->report(trial, at(1, accuracy));
      Accuracies sorted = all;
      std::ranges::sort(sorted, std::greater{});
      const double last = sorted[std::max<size_t>(sorted.size() / static_cast<size_t>(factor), 1) - 1];
      ASSERT_FALSE(pruner->prunes(trial, at(1, last)));
      ASSERT_TRUE(pruner->prunes(trial, at(1, last - 1e-9)));
    }
  }
}

/// 27 epochs, factor 3: brackets from 1, 3, 9 and 27 epochs, with ceil(4 / 4 27) = 27, ceil(4 / 3 9) = 12,
/// ceil(4 / 2 3) = 6 and 4 of 49 trials (Li et al. 2018, table 1, is the same with 81 epochs).
TEST(HyperbandPruner, GivesBracketsTheirShareOfTrials) {
  const auto pruner = make_pruner({PrunerKind::kHyperband, 1, 3, 5}, 27);
  // The best trial is in every rung of every bracket; where a trial far behind it is pruned shows its bracket.
  constexpr int64_t kTrials = 4900;
  for (int64_t trial = 0; trial < kTrials; ++trial) {
    for (const int64_t rung : {1, 3, 9}) pruner->report(trial, at(rung, static_cast<double>(trial) / kTrials));
  }
  std::vector<double> counts(4);
  for (int64_t trial = 0; trial < kTrials; ++trial) {
    const auto is_pruned_at = [&](int64_t rung) { return pruner->prunes(trial, at(rung, -1)); };
    const size_t bracket = is_pruned_at(1) ? 0 : is_pruned_at(3) ? 1 : is_pruned_at(9) ? 2 : 3;
    ++counts[bracket];
    for (size_t rung = 0; rung < 3; ++rung) {
      EXPECT_EQ(is_pruned_at(std::array<int64_t, 3>{1, 3, 9}[rung]), rung >= bracket) << "trial " << trial;
    }
  }
  // The multiples of the golden ratio fill an interval evenly, but for a discrepancy below 2 log2(n) trials.
  const std::vector<double> expected{2700, 1200, 600, 400};
  for (size_t bracket = 0; bracket < 4; ++bracket) EXPECT_NEAR(counts[bracket], expected[bracket], 25) << bracket;
}

TEST(HyperbandPruner, ComparesTrialsOfOneBracketOnly) {
  const PrunerOptions options{PrunerKind::kHyperband, 1, 3, 5};  // of 6 epochs: brackets from 1, 3 and 6
  const auto bracket_of = [&](int64_t trial) {
    const auto pruner = make_pruner(options, 6);
    for (const int64_t rung : {1, 3}) {
      pruner->report(trial, at(rung, 0.5));
      if (pruner->prunes(trial, at(rung, 0.1))) return rung;
    }
    return int64_t{6};
  };
  std::map<int64_t, int64_t> trial_of;
  for (int64_t trial = 0; trial < 20; ++trial) trial_of[bracket_of(trial)] = trial;
  ASSERT_EQ(trial_of.size(), 3u);
  const auto pruner = make_pruner(options, 6);
  pruner->report(trial_of[1], at(3, 0.9));
  pruner->report(trial_of[3], at(3, 0.5));
  EXPECT_FALSE(pruner->prunes(trial_of[3], at(3, 0.5))) << "the better one is of another bracket";
  EXPECT_FALSE(pruner->prunes(trial_of[6], at(3, 0.1)));
}

}  // namespace
}  // namespace murmur
