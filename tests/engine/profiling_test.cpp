#include "murmur/engine/profiling.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace murmur {
namespace {

/// How many ticks run between two borders, where up to `at_once` are launched at a time.
std::vector<int64_t> launches(ProfileTicks ticks, int64_t num_ticks, int64_t at_once) {
  ProfileWindow window(ticks, kCpu);
  std::vector<int64_t> result;
  for (int64_t left = num_ticks; left > 0; left -= result.back()) {
    result.push_back(window.begin(std::min(at_once, left)));
    window.end(result.back());
  }
  return result;
}

TEST(ProfileWindow, NoLaunchCrossesItsBorders) {
  EXPECT_EQ(launches({3, 4}, 10, 4), (std::vector<int64_t>{2, 2, 4, 2}));
  EXPECT_EQ(launches({1, 1}, 5, 4), (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(launches({3, 9}, 10, 4), (std::vector<int64_t>{2, 4, 3, 1}));
  EXPECT_EQ(launches({8, 20}, 10, 4), (std::vector<int64_t>{4, 3, 3}));
}

TEST(ProfileWindow, WithoutTicksThereAreNoBorders) {
  EXPECT_EQ(launches({}, 10, 4), (std::vector<int64_t>{4, 4, 2}));
  EXPECT_FALSE(ProfileWindow({}, kCpu).is_ahead());
}

}  // namespace
}  // namespace murmur
