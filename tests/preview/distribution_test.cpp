// The numbers and the bins behind a panel, against hand-made values.
#include "murmur/preview/distribution.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace murmur {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int64_t total(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

TEST(Distribution, OfAFewNumbers) {
  const Distribution result = distribution(std::vector<float>{0, 2, -2, 0, 5});
  EXPECT_EQ(result.count, 5);
  EXPECT_EQ(result.num_not_finite, 0);
  EXPECT_DOUBLE_EQ(result.mean, 1);
  EXPECT_DOUBLE_EQ(result.deviation, std::sqrt((1 + 1 + 9 + 1 + 16) / 5.0));
  EXPECT_DOUBLE_EQ(result.zeros, 0.4);
  EXPECT_EQ(result.minimum, -2);
  EXPECT_EQ(result.maximum, 5);
}

TEST(Distribution, LeavesOutWhatIsNoNumber) {
  const Distribution result = distribution(std::vector<float>{kNaN, 1, kInfinity, 3, -kInfinity, -0.0f});
  EXPECT_EQ(result.num_not_finite, 3);
  EXPECT_DOUBLE_EQ(result.mean, 4 / 3.0);
  EXPECT_DOUBLE_EQ(result.zeros, 1 / 6.0);  // -0 is a zero
  EXPECT_EQ(result.maximum, 3);
}

TEST(Distribution, OfNothing) {
  const Distribution empty = distribution({});
  EXPECT_EQ(empty.count, 0);
  EXPECT_TRUE(std::isnan(empty.mean) && std::isnan(empty.zeros) && std::isnan(empty.minimum));
  const Distribution broken = distribution(std::vector<float>{kNaN});
  EXPECT_TRUE(std::isnan(broken.mean));
  EXPECT_EQ(broken.zeros, 0);
}

TEST(Distribution, BinsCountAllButZeros) {
  const std::vector<float> before{-1, 0, 1, 0.5f, kNaN}, after{-3, 0, 0, 2, 3};
  const Histograms result = histograms(before, after);
  EXPECT_EQ(result.low, -3);
  EXPECT_EQ(result.high, 3);
  EXPECT_EQ(total(result.before), 3);
  EXPECT_EQ(total(result.after), 3);
  EXPECT_EQ(result.after.front(), 1);
  EXPECT_EQ(result.after.back(), 1);  // the largest value is in the last bin
  EXPECT_EQ(result.before[static_cast<size_t>(Histograms::kBins / 3)], 1);
}

TEST(Distribution, AxisLeavesOutTheFarthestOfMany) {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1 + static_cast<float>(i) / 1000;
  values.back() = 1e6f;
  const Histograms result = histograms(values, values);
  EXPECT_FLOAT_EQ(static_cast<float>(result.low), 1.005f);
  EXPECT_FLOAT_EQ(static_cast<float>(result.high), 1.994f);
  EXPECT_EQ(total(result.before), 1000);
  EXPECT_GE(result.before.back(), 5);
}

TEST(Distribution, AxisHasZeroWhereThereAreZeros) {
  EXPECT_EQ(histograms(std::vector<float>{0, 5, 6}, std::vector<float>{5, 6}).low, 0);
  EXPECT_EQ(histograms(std::vector<float>{5, 6}, std::vector<float>{5, 6}).low, 5);
}

TEST(Distribution, AxisOfOneValueAndOfNone) {
  const Histograms one = histograms(std::vector<float>{1, 1}, std::vector<float>{1});
  EXPECT_LT(one.low, 1);
  EXPECT_GT(one.high, 1);
  EXPECT_EQ(total(one.before), 2);
  const Histograms none = histograms(std::vector<float>{0, 0}, std::vector<float>{kNaN});
  EXPECT_LT(none.low, none.high);
  EXPECT_EQ(total(none.before) + total(none.after), 0);
  EXPECT_LT(histograms({}, {}).low, histograms({}, {}).high);
}

}  // namespace
}  // namespace murmur
