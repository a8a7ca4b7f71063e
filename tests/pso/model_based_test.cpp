// Differential evolution, Parzen estimators, Sobol's sequence: the parts of them that have closed forms.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/designed_sample.hpp"
#include "murmur/pso/differential_evolution.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/parzen_estimator.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/tpe.hpp"
#include "swarm_fixture.hpp"

namespace murmur {
namespace {

TEST(SuccessMemory, LearnsWeightedLehmerMeans) {
  SuccessMemory memory(2);
  memory.learn();  // nothing to learn from
  EXPECT_EQ(memory.means()[0].scale, 0.5);
  memory.succeed({0.4, 0.2}, 1);
  memory.succeed({0.8, 0.6}, 3);
  memory.learn();
  EXPECT_DOUBLE_EQ(memory.means()[0].scale, (0.16 + 3 * 0.64) / (0.4 + 3 * 0.8));
  EXPECT_DOUBLE_EQ(memory.means()[0].crossover, (0.04 + 3 * 0.36) / (0.2 + 3 * 0.6));
  EXPECT_EQ(memory.means()[1].scale, 0.5) << "the next place's turn comes next";
  memory.succeed({0.3, 0}, std::numeric_limits<double>::infinity());
  memory.learn();
  EXPECT_DOUBLE_EQ(memory.means()[1].scale, 0.3);
  EXPECT_EQ(memory.spread(0.9, 0, 5).crossover, 0) << "where only 0 succeeded it stays 0";
  EXPECT_DOUBLE_EQ(memory.spread(0.9, 1, 0).scale, 0.4);
  EXPECT_EQ(memory.spread(0.1, 99, 0).scale, 1);
}

TEST(DifferentialEvolution, FindsTheOptimumAndTheBound) {
  const std::vector<double> low(5, 0), high(5, 1);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const DifferentialEvolutionOptions options{.population = 20, .horizon = 2000, .seed = seed};
    DifferentialEvolution search(continuous_domain(low, high), options, uniform_initial_positions(low, high, 20, seed));
    while (search.num_told() < 2000) {
      for (const Candidate& candidate : search.ask(8)) {
        const std::vector<double>& x = candidate.position;
        search.tell(candidate.id, -x[0] - std::pow(x[1] - 0.3, 2) - std::pow(x[2] - 0.9, 2) - x[3] * x[3] - (1 - x[4]));
      }
    }
    EXPECT_EQ(search.best()->position[0], 0);
    EXPECT_EQ(search.best()->position[4], 1);
    EXPECT_GT(search.best()->fitness, -1e-6) << seed;
    EXPECT_EQ(search.population(), 4) << "at the horizon";
  }
}

TEST(DifferentialEvolution, ATrialIsBetweenOnlyItsOwnParents) {
  const DifferentialEvolutionOptions options{.population = 6, .seed = 1};
  DifferentialEvolution search(continuous_domain(kLow, kHigh), options, uniform_initial_positions(kLow, kHigh, 6, 1));
  const auto first = search.ask(20);
  EXPECT_EQ(first.size(), 6u) << "one trial at a time each";
  for (const Candidate& candidate : first) search.tell(candidate.id, sphere(candidate.position));
  for (const Candidate& candidate : search.ask(6)) {
    const std::vector<double>& parent = first[static_cast<size_t>(candidate.particle)].position;
    EXPECT_NE(candidate.position, parent) << "at least one dimension is the donor's";
  }
  EXPECT_THROW(DifferentialEvolution(continuous_domain(kLow, kHigh), {.population = 3}, {}), InvalidArgument);
}

TEST(ParzenEstimator, ItsDensityIsOne) {
  SearchDomain domain = continuous_domain({-1}, {3});
  const ParzenEstimator estimator(domain, {{-1}, {0.2}, {2.9}}, {1, 2, 0.5});
  double sum = std::exp(estimator.log_density({-1})) + std::exp(estimator.log_density({3}));
  constexpr int kSteps = 20000;  // the midpoint rule's error is below 1e-6 here
  for (int i = 0; i < kSteps; ++i) {
    sum += 4.0 / kSteps * std::exp(estimator.log_density({-1 + 4 * (i + 0.5) / kSteps}));
  }
  EXPECT_NEAR(sum, 1, 1e-5);
  domain.thresholds[0] = {0, 2};
  const ParzenEstimator discrete(domain, {{-0.5}, {1}}, {1, 1});
  double total = 0;
  for (const double x : {-0.5, 1.0, 2.5}) total += std::exp(discrete.log_density({x}));
  EXPECT_NEAR(total, 1, 1e-12);
  // Two kernels of 1 + 1/3 in 2 and a uniform prior, in thirds.
  EXPECT_NEAR(std::exp(discrete.log_density({2.5})), (2 * (1.0 / 3) / 2 + 1.0 / 3) / 3, 1e-12);
}

TEST(ParzenEstimator, SamplesFollowItsDensity) {
  const SearchDomain domain = continuous_domain({0}, {1});
  const ParzenEstimator estimator(domain, {{0}, {0.6}}, {3, 1});
  constexpr int kSamples = 20000;
  int num_at_bound = 0;
  for (int i = 0; i < kSamples; ++i) {
    const auto position = estimator.sample([i](int64_t d) { return swarm_uniforms(1, SwarmStream::kParzen, 0, i, d); });
    num_at_bound += position[0] == 0 ? 1 : 0;
  }
  // Standard error at most 0.5 / sqrt(20000) = 0.0035.
  EXPECT_NEAR(num_at_bound / static_cast<double>(kSamples), std::exp(estimator.log_density({0})), 0.015);
}

TEST(Tpe, ThoseAskedAtOnceDiffer) {
  Tpe search(continuous_domain(kLow, kHigh), {.seed = 1}, uniform_initial_positions(kLow, kHigh, 10, 1));
  for (const Candidate& candidate : search.ask(10)) search.tell(candidate.id, sphere(candidate.position));
  const auto candidates = search.ask(8);
  for (size_t i = 0; i < candidates.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(candidates[i].position, candidates[j].position);
  }
}

TEST(Tpe, FindsBetterThanRandomSearch) {
  double sum = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Tpe search(continuous_domain(kLow, kHigh), {.seed = seed}, uniform_initial_positions(kLow, kHigh, 10, seed));
    double random = -1;
    while (search.num_told() < 120) {
      for (const Candidate& candidate : search.ask(4)) search.tell(candidate.id, sphere(candidate.position));
    }
    for (int64_t i = 0; i < 120; ++i) random = std::max(random, sphere(uniform_position(kLow, kHigh, i, seed)));
    sum += search.best()->fitness - random;
  }
  EXPECT_GT(sum, 0);
}

TEST(SobolSearch, AsksForThePointsOfTheSequence) {
  const SearcherInfo& info = searcher_info("sobol");
  const auto search = make_searcher(info, {continuous_domain(kLow, kHigh), 9, 64, nlohmann::json::object()});
  const DesignedSample sample(Design::kSobol, 64, 3, 9);
  std::vector<int> strata(64);
  for (const Candidate& candidate : search->ask(64)) {
    EXPECT_EQ(candidate.position, sample.point(candidate.id, kLow, kHigh));
    ++strata[static_cast<size_t>((candidate.position[0] - kLow[0]) / (kHigh[0] - kLow[0]) * 64)];
  }
  EXPECT_THAT(strata, testing::Each(1));
}

}  // namespace
}  // namespace murmur
