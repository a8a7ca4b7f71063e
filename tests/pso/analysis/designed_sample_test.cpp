#include "murmur/pso/analysis/designed_sample.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kNumDimensions = 24;

/// How many of the `num_cells` equal intervals of each dimension the points from `begin` on occupy, at least.
size_t fewest_cells(const DesignedSample& sample, int64_t begin, int64_t end, int64_t num_cells) {
  std::vector<std::set<int64_t>> cells(static_cast<size_t>(sample.num_dimensions()));
  for (int64_t i = begin; i < end; ++i) {
    const std::vector<double> point = sample.point(i);
    for (size_t d = 0; d < point.size(); ++d) {
      EXPECT_TRUE(point[d] > 0 && point[d] < 1);
      cells[d].insert(static_cast<int64_t>(point[d] * static_cast<double>(num_cells)));
    }
  }
  size_t fewest = cells[0].size();
  for (const std::set<int64_t>& of_dimension : cells) fewest = std::min(fewest, of_dimension.size());
  return fewest;
}

TEST(DesignedSample, SobolHasOnePointInEachIntervalOfEveryBlock) {
  const DesignedSample sample(Design::kSobol, 1000, kNumDimensions, 3);
  EXPECT_EQ(fewest_cells(sample, 0, 256, 256), 256u);
  EXPECT_EQ(fewest_cells(sample, 256, 512, 256), 256u);
  EXPECT_EQ(fewest_cells(sample, 512, 576, 64), 64u);
}

// The first two dimensions are a (0, m, 2)-net: of 64 points one lies in each box of 8 x 8, 2 x 32, 32 x 2.
TEST(DesignedSample, ScramblingKeepsSobolsNet) {
  const DesignedSample sample(Design::kSobol, 64, 2, 11);
  for (const int64_t rows : {2, 8, 32}) {
    const int64_t columns = 64 / rows;
    std::set<std::pair<int64_t, int64_t>> boxes;
    for (int64_t i = 0; i < 64; ++i) {
      const std::vector<double> point = sample.point(i);
      boxes.insert({static_cast<int64_t>(point[0] * static_cast<double>(rows)),
                    static_cast<int64_t>(point[1] * static_cast<double>(columns))});
    }
    EXPECT_EQ(boxes.size(), 64u);
  }
}

TEST(DesignedSample, LatinHypercubeHasOnePointInEachInterval) {
  for (const int64_t n : {1, 7, 110, 1000}) {
    const DesignedSample sample(Design::kLatinHypercube, n, kNumDimensions, 3);
    EXPECT_EQ(fewest_cells(sample, 0, n, n), static_cast<size_t>(n));
  }
}

TEST(DesignedSample, DimensionsAreUncorrelated) {
  for (const Design design : {Design::kSobol, Design::kLatinHypercube}) {
    const DesignedSample sample(design, 1000, kNumDimensions, 5);
    std::vector<std::vector<double>> points;
    for (int64_t i = 0; i < 1000; ++i) points.push_back(sample.point(i));
    for (size_t a = 0; a < static_cast<size_t>(kNumDimensions); ++a) {
      for (size_t b = 0; b < a; ++b) {
        double sum = 0;
        for (const std::vector<double>& point : points) sum += (point[a] - 0.5) * (point[b] - 0.5);
        // The deviation of a correlation of independent values is 1 / sqrt(1000); 276 pairs stay within five of it.
        EXPECT_LT(std::abs(12 * sum / 1000), 5 / std::sqrt(1000.0)) << a << " and " << b;
      }
    }
  }
}

TEST(DesignedSample, EveryPointIsHadAlone) {
  for (const Design design : {Design::kSobol, Design::kLatinHypercube}) {
    const DesignedSample sample(design, 50, kNumDimensions, 9);
    const DesignedSample again(design, 50, kNumDimensions, 9);
    const DesignedSample other(design, 50, kNumDimensions, 10);
    EXPECT_EQ(sample.point(49), again.point(49));
    EXPECT_EQ(sample.point(0), again.point(0));
    EXPECT_NE(sample.point(0), other.point(0));
    EXPECT_NE(sample.point(0), sample.point(1));
  }
  // Sobol's is the beginning of a longer one.
  EXPECT_EQ(DesignedSample(Design::kSobol, 50, 3, 9).point(20), DesignedSample(Design::kSobol, 500, 3, 9).point(20));
}

TEST(DesignedSample, FillsABox) {
  const DesignedSample sample(Design::kSobol, 8, 2, 1);
  const std::vector<double> unit = sample.point(3);
  const std::vector<double> point = sample.point(3, {{-1, 100}}, {{1, 300}});
  EXPECT_DOUBLE_EQ(point[0], 2 * unit[0] - 1);
  EXPECT_DOUBLE_EQ(point[1], 100 + 200 * unit[1]);
  EXPECT_THROW(sample.point(3, {{0}}, {{1}}), InvalidArgument);
  EXPECT_THROW(sample.point(8), InvalidArgument);
  EXPECT_THROW(sample.point(-1), InvalidArgument);
  EXPECT_THROW(DesignedSample(Design::kSobol, 0, 2, 1), InvalidArgument);
  EXPECT_THROW(DesignedSample(Design::kSobol, 8, 0, 1), InvalidArgument);
}

}  // namespace
}  // namespace murmur
