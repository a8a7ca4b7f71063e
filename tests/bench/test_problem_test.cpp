#include "bench/test_problem.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "murmur/engine/error.hpp"

namespace murmur::bench {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(TestProblemTest, IsZeroAtItsOptimumAndNowhereLess) {
  for (const std::string_view function : kFunctions) {
    for (const std::string_view variant : kVariants) {
      const TestProblem problem(function, variant, 7, 3);
      SCOPED_TRACE(std::string(function) + " " + std::string(variant));
      EXPECT_NEAR(problem.value(problem.optimum()), 0, 1e-12);
      EXPECT_GT(problem.value(std::vector<double>(7, 4.9)), 0);
      EXPECT_EQ(problem.noise() > 0, variant.ends_with("noisy"));
    }
  }
  EXPECT_THROW(TestProblem("sphere", "plain", 7, 3), InvalidArgument);
  EXPECT_THROW(TestProblem("cube", "sparse", 7, 3), InvalidArgument);
}

TEST(TestProblemTest, OfSparseDimensionsThreeInFourAreBestOff) {
  const TestProblem problem("sphere", "sparse", 22, 1);
  const std::vector<double> off(22, -5.0);
  EXPECT_EQ(problem.domain().off, off);
  EXPECT_THAT(problem.domain().sparse, Each(true));
  EXPECT_THAT(problem.starts(), ElementsAre(off));
  const std::vector<double> best = problem.optimum();
  EXPECT_EQ(std::ranges::count(best, -5.0), 16);
  for (const double x : best) EXPECT_LE(x, 0);  // the others lie in the lower half
  EXPECT_NE(best, TestProblem("sphere", "sparse", 22, 2).optimum());
  EXPECT_TRUE(TestProblem("sphere", "mixed", 22, 1).starts().empty());
}

TEST(TestProblemTest, SparseNoiseIsATenthOfWhatAllOffLacks) {
  const TestProblem problem("ackley", "sparse-noisy", 22, 5);
  EXPECT_DOUBLE_EQ(problem.noise(), 0.1 * problem.value(problem.domain().off));
  const std::vector<double> off = problem.domain().off;
  EXPECT_EQ(problem.observed(off, 4), problem.observed(off, 4));
  EXPECT_NE(problem.observed(off, 4), problem.observed(off, 5));
}

}  // namespace
}  // namespace murmur::bench
