#include "bench/contestant.hpp"

#include <gtest/gtest.h>

#include <string>

namespace murmur::bench {
namespace {

/// What is left after a number of evaluations.
double result(const Contestant& contestant, const TestProblem& problem, int64_t budget) {
  Score score(problem, budget);
  contestant.run(problem, budget, 1, score);
  EXPECT_EQ(score.num_evaluations(), budget) << contestant.name;
  return score.result();
}

TEST(ContestantTest, EveryoneBeginsWithWhatIsKnown) {
  const TestProblem problem("sphere", "sparse", 22, 1);
  const double known = problem.value(problem.starts().front());
  for (const char* const name :
       {"swarm", "swarm:topology=ring", "fips", "clpso", "cmaes", "shade", "tpe", "random", "sobol"}) {
    EXPECT_EQ(result(own_contestant(name, 0), problem, 1), known) << name;
  }
  // pagmo2 evaluates its population first, in which the known one is last.
  for (const std::string& name : pagmo_names()) {
    EXPECT_LE(result(pagmo_contestant(name), problem, 22), known) << name;
  }
}

TEST(ContestantTest, StartOfMiddleIsAskedWhereNothingIsKnown) {
  const TestProblem problem("sphere", "rotated", 22, 1);
  EXPECT_EQ(result(own_contestant("swarm:start=middle", 0), problem, 1), problem.value(std::vector<double>(22, 0.0)));
}

}  // namespace
}  // namespace murmur::bench
