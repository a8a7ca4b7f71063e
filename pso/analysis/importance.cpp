#include "murmur/pso/analysis/importance.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// Enough levels to see a peak in the middle of a range, few enough for some ten settings in each of 110. Pairs have the
// square of theirs.
constexpr int64_t kNumLevels = 5;
constexpr int64_t kNumPairLevels = 3;
constexpr double kFewestExpected = 4;  // of the best, in a level: below it the chi-squared approximation is none
constexpr int kMaxSweeps = 20;

std::vector<std::vector<int64_t>> all_levels(const Sample& sample, int64_t num_levels) {
  std::vector<std::vector<int64_t>> result;
  for (size_t d = 0; d < sample.columns.size(); ++d) {
    result.push_back(levels(sample.columns[d], sample.is_ordered[d], num_levels));
  }
  return result;
}

int64_t count_levels(const std::vector<int64_t>& levels) {
  return *std::max_element(levels.begin(), levels.end()) + 1;
}

template <class Items, class Get>
void adjust(Items& items, Get effect) {
  std::vector<double> p;
  for (auto& item : items) p.push_back(effect(item).p);
  const std::vector<double> adjusted = holm(p);
  for (size_t i = 0; i < items.size(); ++i) effect(items[i]).adjusted_p = adjusted[i];
}

double correlation_p(double rho, int64_t freedom_left) {
  if (std::isnan(rho) || freedom_left < 1) return kNan;
  if (std::abs(rho) >= 1) return 0;
  const auto freedom = static_cast<double>(freedom_left);
  const double t = std::abs(rho) * std::sqrt(freedom / (1 - rho * rho));
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(freedom), t));
}

/// Twice the rank of every value: whole numbers, of which sums are exact and fast.
std::vector<int32_t> doubled(std::span<const double> ranks) {
  std::vector<int32_t> result;
  result.reserve(ranks.size());
  for (const double rank : ranks) result.push_back(static_cast<int32_t>(2 * rank));
  return result;
}

/// The doubled ranks within a resample: of its numbers, each as often as it was drawn.
std::vector<int32_t> resampled_ranks(std::span<const int32_t> ranks, std::span<const int64_t> numbers) {
  std::vector<int32_t> result(numbers.size());
  std::vector<int32_t> counts(2 * ranks.size() + 1, 0);  // counting the old ranks sorts them
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = ranks[static_cast<size_t>(numbers[i])];
    ++counts[static_cast<size_t>(result[i])];
  }
  int32_t below = 0;
  for (int32_t& count : counts) {
    const int32_t here = count;
    count = 2 * below + here + 1;
    below += here;
  }
  for (int32_t& rank : result) rank = counts[static_cast<size_t>(rank)];
  return result;
}

/// Pearson's correlation of doubled ranks, whose mean is n + 1.
double rank_correlation(std::span<const int32_t> x, std::span<const int32_t> y) {
  const auto center = static_cast<int64_t>(x.size()) + 1;
  int64_t xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t from_x = x[i] - center;
    const int64_t from_y = y[i] - center;
    xx += from_x * from_x;
    yy += from_y * from_y;
    xy += from_x * from_y;
  }
  if (xx == 0 || yy == 0) return kNan;
  return static_cast<double>(xy) / std::sqrt(static_cast<double>(xx) * static_cast<double>(yy));
}

/// Sums of squares of values between the groups that `cells` names, and within them.
struct SumsOfSquares {
  double between = 0, within = 0;
  int64_t num_groups = 0;
  std::vector<double> means, counts;
};

SumsOfSquares sums_of_squares(std::span<const double> values, std::span<const int64_t> cells, int64_t num_cells) {
  SumsOfSquares result;
  result.means.assign(static_cast<size_t>(num_cells), 0);
  result.counts.assign(static_cast<size_t>(num_cells), 0);
  for (size_t i = 0; i < values.size(); ++i) {
    result.means[static_cast<size_t>(cells[i])] += values[i];
    ++result.counts[static_cast<size_t>(cells[i])];
  }
  const double all = mean(values);
  double total = 0;
  for (const double value : values) total += (value - all) * (value - all);
  for (size_t c = 0; c < result.means.size(); ++c) {
    if (result.counts[c] == 0) continue;
    result.means[c] /= result.counts[c];
    result.between += result.counts[c] * (result.means[c] - all) * (result.means[c] - all);
    ++result.num_groups;
  }
  result.within = std::max(total - result.between, 0.0);
  return result;
}

/// The effect of a sum of squares with so many degrees of freedom against what is left with its own: the share of the
/// variance less what chance has of it, and the F test.
Effect f_test(double explained, double freedom, double rest, double rest_freedom) {
  if (freedom < 1 || rest_freedom < 1 || explained + rest == 0) return {kNan, kNan, kNan};
  const double noise = rest / rest_freedom;
  Effect effect;
  effect.size = std::max(0.0, (explained - freedom * noise) / (explained + rest + noise));
  if (noise == 0) {
    effect.p = 0;
    return effect;
  }
  const boost::math::fisher_f distribution(freedom, rest_freedom);
  effect.p = boost::math::cdf(boost::math::complement(distribution, std::max(explained, 0.0) / freedom / noise));
  return effect;
}

/// The values less the main effects of all dimensions: least squares, by taking the means of one dimension after the
/// other until they stay. Failed values count as the worst that did not fail.
std::vector<double> without_main_effects(const Sample& sample, const std::vector<std::vector<int64_t>>& all_levels) {
  double worst = std::numeric_limits<double>::infinity();
  for (const double value : sample.values) worst = std::isnan(value) ? worst : std::min(worst, value);
  std::vector<double> rest = sample.values;
  for (double& value : rest) value = std::isnan(value) ? worst : value;
  const double center = mean(rest);
  for (double& value : rest) value -= center;
  const double scale = standard_deviation(rest);
  double largest = scale;
  for (int sweep = 0; sweep < kMaxSweeps && largest > 1e-3 * scale; ++sweep) {
    largest = 0;
    for (const std::vector<int64_t>& level : all_levels) {
      const SumsOfSquares sums = sums_of_squares(rest, level, count_levels(level));
      for (size_t i = 0; i < rest.size(); ++i) rest[i] -= sums.means[static_cast<size_t>(level[i])];
      for (const double shift : sums.means) largest = std::max(largest, std::abs(shift));
    }
  }
  return rest;
}

/// The interaction of two dimensions in what their and all others' main effects leave.
Effect interaction(std::span<const double> rest, std::span<const int64_t> first, int64_t num_first,
                   std::span<const int64_t> second, int64_t num_second) {
  std::vector<int64_t> cells(rest.size());
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = first[i] * num_second + second[i];
  const SumsOfSquares sums = sums_of_squares(rest, cells, num_first * num_second);
  // Main effects are gone, and their degrees of freedom with them.
  const auto freedom = static_cast<double>(sums.num_groups - num_first - num_second + 1);
  const auto rest_freedom = static_cast<double>(static_cast<int64_t>(rest.size()) - sums.num_groups);
  return f_test(sums.between, freedom, sums.within, rest_freedom);
}

}  // namespace

std::vector<Correlation> correlations(const Sample& sample, const BootstrapOptions& options) {
  check_sample(sample);
  const std::vector<int32_t> value_ranks = doubled(ranks(sample.values));
  std::vector<Correlation> result;
  std::vector<std::vector<int32_t>> column_ranks;
  for (size_t d = 0; d < sample.columns.size(); ++d) {
    column_ranks.push_back(doubled(ranks(sample.columns[d])));
    const double rho = sample.is_ordered[d] ? rank_correlation(column_ranks[d], value_ranks) : kNan;
    result.push_back({{rho, correlation_p(rho, sample.size() - 2), kNan}, {kNan, kNan}});
  }
  adjust(result, [](Correlation& item) -> Effect& { return item.effect; });
  std::vector<std::vector<double>> resampled(result.size());
  for (int64_t i = 0; i < options.num_resamples; ++i) {
    const std::vector<int64_t> numbers = bootstrap_resample(sample.size(), options.seed, i);
    const std::vector<int32_t> of_values = resampled_ranks(value_ranks, numbers);
    for (size_t d = 0; d < result.size(); ++d) {
      if (std::isnan(result[d].effect.size)) continue;
      resampled[d].push_back(rank_correlation(resampled_ranks(column_ranks[d], numbers), of_values));
    }
  }
  for (size_t d = 0; d < result.size(); ++d) {
    result[d].interval = percentile_interval(std::move(resampled[d]), options.confidence);
  }
  return result;
}

std::vector<Effect> controlled_correlations(const Sample& sample) {
  check_sample(sample);
  std::vector<double> order(sample.values.size());
  std::iota(order.begin(), order.end(), 0.0);
  const std::vector<int32_t> order_ranks = doubled(ranks(order));
  const std::vector<int32_t> value_ranks = doubled(ranks(sample.values));
  const double of_values = rank_correlation(value_ranks, order_ranks);
  std::vector<Effect> result;
  for (size_t d = 0; d < sample.columns.size(); ++d) {
    const std::vector<int32_t> column_ranks = doubled(ranks(sample.columns[d]));
    const double of_column = rank_correlation(column_ranks, order_ranks);
    const double left = (1 - of_values * of_values) * (1 - of_column * of_column);
    const double rho = sample.is_ordered[d] && left > 0
                           ? (rank_correlation(column_ranks, value_ranks) - of_values * of_column) / std::sqrt(left)
                           : kNan;
    result.push_back({rho, correlation_p(rho, sample.size() - 3), kNan});
  }
  adjust(result, [](Effect& effect) -> Effect& { return effect; });
  return result;
}

std::vector<Effect> variance_shares(const Sample& sample) {
  check_sample(sample);
  const std::vector<double> value_ranks = ranks(sample.values);
  std::vector<Effect> result;
  for (const std::vector<int64_t>& level : all_levels(sample, kNumLevels)) {
    const SumsOfSquares sums = sums_of_squares(value_ranks, level, count_levels(level));
    result.push_back(f_test(sums.between, static_cast<double>(sums.num_groups - 1), sums.within,
                            static_cast<double>(sample.size() - sums.num_groups)));
  }
  adjust(result, [](Effect& effect) -> Effect& { return effect; });
  return result;
}

std::vector<Effect> best_contributions(const Sample& sample, double top_fraction) {
  check_sample(sample);
  if (!(top_fraction > 0 && top_fraction < 1)) {
    throw InvalidArgument("importance: expected a fraction of the best between 0 and 1, got {}", top_fraction);
  }
  // Of equal values at the border none is among the best: failed settings never are.
  const auto n = static_cast<double>(sample.size());
  const std::vector<double> value_ranks = ranks(sample.values);
  std::vector<double> is_best;
  for (const double rank : value_ranks) is_best.push_back(rank > n * (1 - top_fraction) + 0.5 ? 1 : 0);
  const double share = mean(is_best);
  const auto most_levels = static_cast<int64_t>(share * n / kFewestExpected);
  std::vector<Effect> result;
  double sum = 0;
  for (const std::vector<int64_t>& level : all_levels(sample, std::clamp<int64_t>(most_levels, 2, kNumLevels))) {
    const SumsOfSquares sums = sums_of_squares(is_best, level, count_levels(level));
    const auto freedom = static_cast<double>(sums.num_groups - 1);
    Effect effect{kNan, kNan, kNan};
    if (freedom >= 1 && share > 0 && share < 1) {
      // Pearson's divergence is sum_l share_of_all_l (best_l / all_l - 1)^2, and the best of a level over all of it is
      // the level's mean over the whole share; chance gives (levels - 1) (1 - share) / (n share) of it.
      const double divergence = sums.between / (n * share * share);
      const double chance = freedom * (1 - share) / (n * share);
      effect.size = std::max(0.0, divergence - chance);
      effect.p =
          boost::math::cdf(boost::math::complement(boost::math::chi_squared(freedom), freedom * divergence / chance));
      sum += effect.size;
    }
    result.push_back(effect);
  }
  for (Effect& effect : result) effect.size = sum > 0 ? effect.size / sum : effect.size;
  adjust(result, [](Effect& effect) -> Effect& { return effect; });
  return result;
}

std::vector<Interaction> interactions(const Sample& sample) {
  check_sample(sample);
  const std::vector<std::vector<int64_t>> level = all_levels(sample, kNumPairLevels);
  const std::vector<double> rest = ranks(without_main_effects(sample, level));
  std::vector<Interaction> result;
  for (size_t i = 0; i < level.size(); ++i) {
    for (size_t j = i + 1; j < level.size(); ++j) {
      result.push_back({static_cast<int64_t>(i), static_cast<int64_t>(j),
                        interaction(rest, level[i], count_levels(level[i]), level[j], count_levels(level[j]))});
    }
  }
  adjust(result, [](Interaction& item) -> Effect& { return item.effect; });
  std::stable_sort(result.begin(), result.end(), [](const Interaction& a, const Interaction& b) {
    return a.effect.p < b.effect.p || (!std::isnan(a.effect.p) && std::isnan(b.effect.p));
  });
  return result;
}

}  // namespace murmur
