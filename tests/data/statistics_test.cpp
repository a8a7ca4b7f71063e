#include "murmur/data/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/files.hpp"

namespace murmur::test {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

/// Five training images of one pixel in two channels, two test images.
Dataset small() {
  Dataset dataset{"own",
                  3,
                  {5, 1, 1, 2, {0, 255, 0, 255, 0, 255, 0, 255, 255, 0}, {0, 0, 1, 1, 2}},
                  {2, 1, 1, 2, {9, 9, 9, 9}, {2, 2}}};
  return dataset;
}

TEST(StatisticsTest, CountsClassesAsTheyAreSplit) {
  Dataset dataset = small();
  const DatasetStatistics numbers = statistics(dataset);
  EXPECT_THAT(numbers.train, ElementsAre(2, 2, 0));
  EXPECT_THAT(numbers.validation, ElementsAre(0, 0, 1));
  EXPECT_THAT(numbers.test, ElementsAre(0, 0, 2));
  dataset.num_validation = 3;
  EXPECT_THAT(statistics(dataset).train, ElementsAre(2, 0, 0));
  EXPECT_THAT(statistics(dataset).validation, ElementsAre(0, 2, 1));
}

TEST(StatisticsTest, KnowsMeanAndDeviation) {
  const DatasetStatistics numbers = statistics(small());
  EXPECT_THAT(numbers.mean, ElementsAre(DoubleEq(0.2), DoubleEq(0.8)));
  EXPECT_THAT(numbers.deviation, ElementsAre(DoubleNear(0.4, 1e-12), DoubleNear(0.4, 1e-12)));  // sqrt(0.2 * 0.8)
}

// Numbers that every tutorial has.
TEST(StatisticsTest, KnowsThoseOfTheRealFashionMnist) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const DatasetStatistics numbers = statistics(load_dataset("fashion-mnist", "/usr/share/datasets"));
  EXPECT_THAT(numbers.mean, ElementsAre(DoubleNear(0.2860, 5e-5)));
  EXPECT_THAT(numbers.deviation, ElementsAre(DoubleNear(0.3530, 5e-5)));
}

}  // namespace
}  // namespace murmur::test
