#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/pso/search_space.hpp"

// What a search is compared with: settings that nobody had to look for.
namespace murmur {

struct BaselineSetting {
  std::string label;  // "dropout=0.25", "sparse 3"
  Setting setting;
};

/// Each dimension alone over `base`, at levels in the middles of `num_levels` equal parts of its range (of its
/// logarithm where that is what is searched), and at each of its choices. Levels that are the base's are left out.
/// Throws: InvalidArgument for num_levels < 1.
std::vector<BaselineSetting> single_settings(const SearchSpace& space, const Setting& base, int64_t num_levels);

/// `base` with at most `num_on` random dimensions at uniform positions. Random: setting i is addressed by (seed, i).
std::vector<BaselineSetting> sparse_settings(const SearchSpace& space, const Setting& base, int64_t num_settings,
                                             int64_t num_on, uint64_t seed);

}  // namespace murmur
