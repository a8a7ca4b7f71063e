#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "murmur/pso/analysis/importance.hpp"
#include "murmur/pso/search_space.hpp"
#include "murmur/pso/study.hpp"

// A designed sample of settings, and what it says.
namespace murmur {

/// The part of a space that trains: of each dimension, from the lowest to the highest raw value among the better half
/// of the complete trials; of choices, all. Optional techniques are besides off in half of all settings.
struct TrainedRegion {
  std::vector<double> low, high;  // raw units
  std::vector<bool> is_optional;
};

/// Throws: InvalidArgument for fewer than ten complete trials, which do not say what trains.
TrainedRegion trained_region(const SearchSpace& space, std::span<const TrialRecord> trials);

/// The raw positions of `num_settings` settings of the region: a Latin hypercube, since among designs it alone leaves
/// the tests of interactions right (docs/analysis.md). Position i is addressed by (seed, num_settings, i).
std::vector<std::vector<double>> sample_positions(const SearchSpace& space, const TrainedRegion& region,
                                                  int64_t num_settings, uint64_t seed);

/// The correlations of the settings with one optimizer.
struct GroupCorrelations {
  std::string optimizer;  // empty: all settings, where the optimizer is not searched
  int64_t num_settings = 0;
  std::vector<Correlation> correlations;  // one a dimension; corrected for all dimensions of all groups
};

struct SampleReport {
  std::vector<Effect> shares, contributions;  // one a dimension
  std::vector<Interaction> interactions;      // by p
  std::vector<GroupCorrelations> groups;      // of at least ten settings
};

/// Settings as a sample of the space's dimensions. `values`: one each; NaN: diverged.
Sample setting_sample(const SearchSpace& space, std::span<const Setting> settings, std::span<const double> values);

/// `values`: a validation accuracy each; NaN: diverged. Throws: InvalidArgument.
SampleReport analyse_sample(const SearchSpace& space, std::span<const Setting> settings, std::span<const double> values,
                            uint64_t seed);

}  // namespace murmur
