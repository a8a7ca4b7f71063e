#pragma once

#include <vector>

#include "murmur/pso/cma_distribution.hpp"

namespace murmur {

/// Corrects a discrete dimension of the distribution, whose value changes at the thresholds (ascending, at least one):
/// the values beside that of the mean keep a probability of at least `least` together, so that a dimension that has
/// settled on one value can still leave it. `least` is in (0, 1/3).
/// Source: Hamano, Saito, Nomura & Shirakawa, "CMA-ES with margin", GECCO 2022.
void keep_margin(CmaDistribution& distribution, int64_t dimension, const std::vector<double>& thresholds, double least);

}  // namespace murmur
