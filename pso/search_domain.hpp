#pragma once

#include <vector>

namespace murmur {

class SearchSpace;

/// What a searcher knows of the dimensions it searches: numbers in raw units, nothing of techniques. One entry each.
struct SearchDomain {
  std::vector<double> low, high;
  std::vector<double> off;                      // the position that is off
  std::vector<bool> sparse;                     // the sparse initialisation may set it to off
  std::vector<std::vector<double>> thresholds;  // ascending, within the bounds: where its value changes; none: at once
};

/// Of continuous dimensions, which are off at their lower bounds and never sparse.
SearchDomain continuous_domain(std::vector<double> low, std::vector<double> high);

/// Of the techniques that a search varies. A discrete dimension whose values are many (a batch size) counts as
/// continuous.
SearchDomain search_domain(const SearchSpace& space);

}  // namespace murmur
