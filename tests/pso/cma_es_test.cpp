#include "murmur/pso/cma_es.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numeric>

#include "murmur/engine/error.hpp"
#include "murmur/pso/cma_margin.hpp"
#include "swarm_fixture.hpp"

namespace murmur {
namespace {

/// The least value that it reaches, of a function to be minimised.
template <class F>
double least(CmaEs& search, int64_t num_evaluations, const F& f) {
  while (search.num_told() < num_evaluations) {
    const Candidate candidate = search.ask(1).at(0);
    search.tell(candidate.id, -f(candidate.position));
  }
  return -search.best()->fitness;
}

// Hansen's own program says of its defaults "(5_w,10)-aCMA-ES (mu_w=3.2,w_1=45%) in dimension 10", and for dimension 3
// "(3_w,7)-aCMA-ES (mu_w=2.3,w_1=58%)" (the documentation of pycma).
TEST(CmaDistribution, HasTheDefaultWeights) {
  for (const auto& [n, samples, parents, mu, first] : {std::tuple(10, 10, 5, 3.2, 45), std::tuple(3, 7, 3, 2.3, 58)}) {
    const CmaDistribution distribution(Eigen::VectorXd::Zero(n), 1, samples);
    double sum = 0, squares = 0;
    for (int i = 0; i < parents; ++i) {
      sum += distribution.weights()[static_cast<size_t>(i)];
      squares += std::pow(distribution.weights()[static_cast<size_t>(i)], 2);
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    EXPECT_NEAR(1 / squares, mu, 0.05);
    EXPECT_EQ(std::floor(100 * distribution.weights()[0]), first);  // cut off, as printed there
    EXPECT_LE(distribution.weights()[static_cast<size_t>(parents)], 0);
  }
  EXPECT_EQ(CmaEs(continuous_domain(std::vector<double>(10, 0), std::vector<double>(10, 1)), {}).num_at_once(), 10);
}

// Of a quadratic function the covariance becomes its inverse Hessian, but for a factor (Hansen & Ostermeier 2001).
TEST(CmaEs, LearnsTheInverseHessian) {
  const std::vector<double> low(4, -5), high(4, 5);
  CmaEs search(continuous_domain(low, high), {.seed = 3});
  const auto ellipsoid = [](const std::vector<double>& x) {
    double sum = 0;
    for (size_t d = 0; d < 4; ++d) sum += std::pow(10, static_cast<double>(d)) * (x[d] - 1) * (x[d] - 1);
    return sum;
  };
  EXPECT_LT(least(search, 1200, ellipsoid), 1e-8);
  ASSERT_EQ(search.num_restarts(), 0);
  const Eigen::MatrixXd& c = search.distribution().covariance();
  for (int d = 0; d < 3; ++d) {
    const double ratio = c(d, d) / c(d + 1, d + 1);  // 10, up to the spread of an estimate from few samples
    EXPECT_GT(ratio, 3.3) << d;
    EXPECT_LT(ratio, 30) << d;
  }
}

// What makes it worth its matrix: a rotated function is as easy as the function itself.
TEST(CmaEs, DoesNotMindRotations) {
  const std::vector<double> low(8, -5), high(8, 5);
  const auto discus = [](double along, double squares) { return squares + 1e4 * along * along; };
  const auto plain = [&](const std::vector<double>& x) {
    return discus(x[0] - 1, std::inner_product(x.begin() + 1, x.end(), x.begin() + 1, 0.0));
  };
  const auto rotated = [&](const std::vector<double>& x) {
    double sum = 0, squares = 0;
    for (const double v : x) {
      sum += v;
      squares += v * v;
    }
    return discus(sum / std::sqrt(8.0) - 1, squares - sum * sum / 8);
  };
  CmaEs a(continuous_domain(low, high), {.seed = 3}), b(continuous_domain(low, high), {.seed = 3});
  EXPECT_LT(least(a, 3000, plain), 1e-6);
  EXPECT_LT(least(b, 3000, rotated), 1e-6);
}

TEST(CmaEs, TheOrderInWhichAGenerationEndsChangesNothing) {
  CmaEs a(continuous_domain(kLow, kHigh), {.seed = 1}), b(continuous_domain(kLow, kHigh), {.seed = 1});
  for (int generation = 0; generation < 20; ++generation) {
    const auto candidates = a.ask(a.num_at_once());
    ASSERT_EQ(candidates, b.ask(b.num_at_once())) << generation;
    for (const Candidate& candidate : candidates) a.tell(candidate.id, sphere(candidate.position));
    for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) b.tell(it->id, sphere(it->position));
  }
}

// Candidates that are told many generations late are injected, and do not blow it up.
TEST(CmaEs, LearnsFromLateTells) {
  CmaEs search(continuous_domain(kLow, kHigh), {.seed = 1});
  std::vector<Candidate> late = search.ask(7);
  for (int i = 0; i < 600; ++i) {
    late.push_back(search.ask(1).at(0));
    search.tell(late.front().id, sphere(late.front().position));
    late.erase(late.begin());
  }
  EXPECT_GT(search.best()->fitness, -1e-3);
  EXPECT_LT(search.distribution().sigma(), 0.2);
}

TEST(CmaEs, StartsAgainElsewhereWithALargerGeneration) {
  CmaEs search(continuous_domain({-1, -1}, {1, 1}), {.seed = 1});
  least(search, 3000, [](const std::vector<double>& x) { return x[0] * x[0] + x[1] * x[1]; });
  EXPECT_GE(search.num_restarts(), 1);
  EXPECT_EQ(search.num_at_once(), 6 << search.num_restarts());
}

TEST(CmaEs, FindsWhatLiesExactlyAtABound) {
  const std::vector<double> low(6, 0), high(6, 1);
  CmaEs search(continuous_domain(low, high), {.seed = 2});
  least(search, 1500, [](const std::vector<double>& x) {
    return x[0] + x[1] + std::pow(x[2] - 0.4, 2) + std::pow(x[3] - 0.5, 2) + x[4] * x[4] + (1 - x[5]);
  });
  EXPECT_EQ(search.best()->position[0], 0);
  EXPECT_EQ(search.best()->position[1], 0);
  EXPECT_NEAR(search.best()->position[4], 0, 0.01);  // without a slope there, near is as good
  EXPECT_EQ(search.best()->position[5], 1);
  EXPECT_NEAR(search.best()->position[2], 0.4, 0.05);
}

TEST(CmaMargin, KeepsTheProbabilityOfOtherValues) {
  const auto above = [](double x) { return boost::math::cdf(boost::math::complement(boost::math::normal(), x)); };
  const std::vector<double> thresholds{0.25, 0.5, 0.75};
  for (const double mean : {0.1, 0.4, 0.49, 0.6, 0.95}) {
    CmaDistribution distribution(Eigen::VectorXd::Constant(2, mean), 1e-4, 6);
    keep_margin(distribution, 0, thresholds, 0.1);
    const double m = distribution.mean(0), s = distribution.deviation(0);
    const bool is_outer = mean < 0.25 || mean > 0.75;
    double beside = 0;
    if (is_outer) {
      beside = mean < 0.25 ? above((0.25 - m) / s) : above((m - 0.75) / s);
    } else {
      const double low = mean < 0.5 ? 0.25 : 0.5;
      const double below = above((m - low) / s), beyond = above((low + 0.25 - m) / s);
      EXPECT_GE(below, 0.05 - 1e-9);
      EXPECT_GE(beyond, 0.05 - 1e-9);
      beside = below + beyond;
    }
    EXPECT_NEAR(beside, 0.1, 1e-6) << mean;
    EXPECT_EQ(distribution.mean(1), mean) << "another dimension";
  }
  // Where others have their probability already, nothing changes.
  CmaDistribution wide(Eigen::VectorXd::Constant(2, 0.4), 1, 6);
  keep_margin(wide, 0, thresholds, 0.1);
  EXPECT_EQ(wide.mean(0), 0.4);
  EXPECT_EQ(wide.deviation(0), 1);
}

TEST(CmaEs, ADiscreteDimensionDoesNotGetStuck) {
  constexpr uint64_t kSeeds = 24;
  // The third of four values is the worst, and the best only where the other dimensions are near their optimum: when
  // the search is narrow. In its margin that value keeps its probability.
  const auto share_found = [](const std::vector<double>& thresholds) {
    SearchDomain domain = continuous_domain({0, 0, 0}, {4, 1, 1});
    domain.thresholds[0] = thresholds;
    double count = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      CmaEs search(domain, {.seed = seed});
      const double value = least(search, 600, [](const std::vector<double>& x) {
        const double rest = std::pow(x[1] - 0.7, 2) + std::pow(x[2] - 0.2, 2);
        const double choice = std::ceil(x[0]);
        return rest + (choice != 3 ? 0.02 * std::abs(choice - 2) : rest < 1e-3 ? -0.1 : 0.3);
      });
      count += value < -0.05 ? 1 : 0;
    }
    return count / kSeeds;
  };
  // Were both shares of one probability, their difference would be above 3 standard errors once in 740 times.
  const double with = share_found({1, 2, 3}), without = share_found({}), both = (with + without) / 2;
  EXPECT_GT(with - without, 3 * std::sqrt(2 * both * (1 - both) / kSeeds)) << with << " and " << without;
}

TEST(CmaEs, ValidatesItsOptions) {
  const SearchDomain domain = continuous_domain({0}, {1});
  EXPECT_THROW(CmaEs(domain, {.num_samples = 1}), InvalidArgument);
  EXPECT_THROW(CmaEs(domain, {.initial_step = 0}), InvalidArgument);
  EXPECT_THROW(CmaEs(domain, {.growth = 0.5}), InvalidArgument);
  EXPECT_THROW(CmaEs(continuous_domain({1}, {0}), {}), InvalidArgument);
}

}  // namespace
}  // namespace murmur
