#pragma once

#include <cstdint>
#include <vector>

#include "murmur/pso/analysis/sample.hpp"
#include "murmur/pso/analysis/statistics.hpp"

// What a sample says of each dimension, of each pair, and how sure that is. Every p value assumes a *designed* sample:
// settings that were drawn without looking at values. On what a search has tried it is wrong most of the time
// (docs/analysis.md has the rates, measured by bench/analysis_power.cpp).
namespace murmur {

struct Effect {
  double size = 0;
  double p = 1;           // of one test
  double adjusted_p = 1;  // Holm's, in the family of all tests of one call
};

/// Spearman's rank correlation of an ordered dimension with the values.
struct Correlation {
  Effect effect;  // size: from -1 to 1; NaN, as p, of categories and of a dimension that does not vary
  Interval interval{};
};

/// One a dimension. p: Student's t approximation; interval: percentiles of a bootstrap of settings, not corrected for
/// their number. Throws: InvalidArgument. Source: Spearman 1904.
std::vector<Correlation> correlations(const Sample& sample, const BootstrapOptions& options = {});

/// Spearman's partial correlation of each ordered dimension with the values, the order of the settings held fixed: what
/// is left where both have drifted in the course of a search. NaN as in `correlations`, and where the order explains
/// all. p: Student's t approximation. Throws: InvalidArgument.
std::vector<Effect> controlled_correlations(const Sample& sample);

/// The share of the variance of the values' ranks that each dimension explains alone: functional ANOVA's main effects,
/// estimated from means over levels, less what chance explains (omega squared). Finds effects of any shape, and of
/// categories. p: F test of the ranks (Kruskal-Wallis). Throws: InvalidArgument.
/// Source: Hutter et al. 2014; Conover & Iman 1981.
std::vector<Effect> variance_shares(const Sample& sample);

/// What each dimension contributes to being among the best: PED-ANOVA, the Pearson divergence of the best
/// `top_fraction` of the settings from all, over levels, as a share of all dimensions' (0 where chance gives as much).
/// p: chi-squared test of the same table. Throws: InvalidArgument. Source: Watanabe, Bansal & Hutter 2023.
std::vector<Effect> best_contributions(const Sample& sample, double top_fraction = 0.25);

struct Interaction {
  int64_t first, second;  // dimensions, first < second
  Effect effect;          // size: the share of the variance
};

/// All pairs of dimensions: what they do together beyond what each does alone. Main effects of all dimensions are taken
/// from the values first, what is left is ranked. Ordered by p. p: F test of the cells of both dimensions' levels.
/// Throws: InvalidArgument. Source: Wobbrock et al. 2011 (aligned ranks).
std::vector<Interaction> interactions(const Sample& sample);

}  // namespace murmur
