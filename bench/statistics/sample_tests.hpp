#pragma once

#include <span>
#include <vector>

#include "bench/statistics/law.hpp"
#include "bench/statistics/outcome.hpp"

// Tests of values that are to be independent draws of one law.
namespace murmur::bench {

/// Tests of the values whatever their order, which is lost: the values are sorted.
///   support              a value that is not finite, or not one of a discrete law's
///   moment 1..4          the mean of z^k: variance (E z^2k - (E z^k)^2) / n
///   beyond 3, 4, 5 sd    exact binomial
///   Kolmogorov-Smirnov   of continuous laws
///   chi-square           1,000 cells of equal probability, or one an atom
/// Shapes: at least 5,000 values.
std::vector<Outcome> sample_tests(std::span<float> values, const Law& law);

/// Tests of the values in their order.
///   serial, triples      chi-square of 8 x 8 x 8 cells, of triples that do not overlap (Knuth's serial test)
///   spectrum             blocks of 4,096: the largest distance of the cumulative mean spectrum from a line (Bartlett),
///                        which sees a correlation at any lag that is shorter than a block,
///   spectrum, peak       and the largest of its 2,047 frequencies, which sees a period
/// Shapes: at least 8,192 values.
std::vector<Outcome> order_tests(std::span<const float> values, const Law& law);

}  // namespace murmur::bench
