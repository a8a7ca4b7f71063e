#include "murmur/pso/cma_margin.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

namespace murmur {
namespace {

/// Standard deviations above which a standard normal number lies with this probability.
double deviations_above(double probability) {
  return boost::math::quantile(boost::math::complement(boost::math::normal(), probability));
}

double probability_above(double deviations) {
  return boost::math::cdf(boost::math::complement(boost::math::normal(), deviations));
}

}  // namespace

void keep_margin(CmaDistribution& distribution, int64_t dimension, const std::vector<double>& thresholds,
                 double least) {
  const double mean = distribution.mean(dimension), deviation = distribution.deviation(dimension);
  const auto above = std::ranges::lower_bound(thresholds, mean);
  if (above == thresholds.begin() || above == thresholds.end()) {  // the first value, or the last: one neighbour
    const double nearest = above == thresholds.begin() ? thresholds.front() : thresholds.back();
    const double farthest = deviations_above(least) * deviation;
    const double distance = std::clamp(mean - nearest, -farthest, farthest);
    distribution.set_marginal(dimension, nearest + distance, deviation);
    return;
  }
  const double low = *(above - 1), high = *above;
  double below = probability_above((mean - low) / deviation);
  double beyond = probability_above((high - mean) / deviation);
  if (below >= least / 2 && beyond >= least / 2) return;
  const double between = 1 - below - beyond;
  const double raised_below = std::max(below, least / 2), raised_beyond = std::max(beyond, least / 2);
  const double excess =
      (1 - raised_below - raised_beyond - between) / (raised_below + raised_beyond + between - 3 * least / 2);
  below = raised_below + excess * (raised_below - least / 2);
  beyond = raised_beyond + excess * (raised_beyond - least / 2);
  const double to_low = deviations_above(below), to_high = deviations_above(beyond);
  distribution.set_marginal(dimension, (low * to_high + high * to_low) / (to_low + to_high),
                            (high - low) / (to_low + to_high));
}

}  // namespace murmur
