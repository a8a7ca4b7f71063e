#pragma once

#include <vector>

#include "bench/statistics/case.hpp"

namespace murmur::bench {

/// The distributions by themselves: what formulas are made of, and what the search draws.
std::vector<Case> distribution_cases();

/// The formulas of techniques/noise, with one setting each, at the addresses of docs/randomness.md. A technique that
/// draws random numbers has a line here, or several.
std::vector<Case> technique_cases();

/// Those of them whose technique is none of the study's.
std::vector<Case> cases_beyond_study();

}  // namespace murmur::bench
