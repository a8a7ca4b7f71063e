#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "murmur/pso/study.hpp"

namespace murmur::test {

/// All that a search has left of its trials. The accuracies of one that failed may be NaN.
inline void expect_same_trials(const std::vector<TrialRecord>& a, const std::vector<TrialRecord>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].position, b[i].position) << "trial " << i;
    EXPECT_EQ(a[i].state, b[i].state) << "trial " << i;
    EXPECT_EQ(a[i].attributes, b[i].attributes) << "trial " << i;
    EXPECT_EQ(a[i].seed, b[i].seed) << "trial " << i;
    if (a[i].state == TrialState::kFail) continue;
    EXPECT_EQ(a[i].intermediate, b[i].intermediate) << "trial " << i;
  }
}

/// The same search: the trials, and all that the studies keep but when and where they were made.
inline void expect_same_search(const std::filesystem::path& a, const std::filesystem::path& b) {
  const Study ours = Study::open_read_only(a), theirs = Study::open_read_only(b);
  expect_same_trials(ours.trials(), theirs.trials());
  Attributes of_ours = ours.attributes(), of_theirs = theirs.attributes();
  of_ours.erase("runs");
  of_theirs.erase("runs");
  EXPECT_EQ(of_ours, of_theirs);
}

}  // namespace murmur::test
