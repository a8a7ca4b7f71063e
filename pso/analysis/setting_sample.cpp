#include "murmur/pso/analysis/setting_sample.hpp"

#include <algorithm>
#include <cmath>

#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/designed_sample.hpp"

namespace murmur {
namespace {

constexpr size_t kFewestTrials = 10;
constexpr int64_t kFewestInGroup = 10;

/// The settings with each choice of the optimizer, or all where it is not searched.
std::vector<GroupCorrelations> correlate_groups(const SearchSpace& space, std::span<const Setting> settings,
                                                const Sample& sample, uint64_t seed) {
  const TechniqueInfo& optimizer = technique(Technique::kOptimizer);
  const bool is_searched = space.find(optimizer.id) != nullptr;
  std::vector<GroupCorrelations> groups;
  const size_t num_groups = is_searched ? optimizer.choices.size() : 1;
  for (size_t choice = 0; choice < num_groups; ++choice) {
    std::vector<int64_t> numbers;
    for (size_t i = 0; i < settings.size(); ++i) {
      if (!is_searched || settings[i][optimizer.id] == static_cast<double>(choice)) {
        numbers.push_back(static_cast<int64_t>(i));
      }
    }
    if (static_cast<int64_t>(numbers.size()) < kFewestInGroup) continue;
    groups.push_back({is_searched ? std::string(optimizer.choices[choice]) : std::string(),
                      static_cast<int64_t>(numbers.size()), correlations(subset(sample, numbers), {1000, 0.95, seed})});
  }
  return groups;
}

/// One family of all tests of all groups.
void correct_together(std::vector<GroupCorrelations>& groups) {
  std::vector<double> p;
  for (const GroupCorrelations& group : groups) {
    for (const Correlation& correlation : group.correlations) p.push_back(correlation.effect.p);
  }
  const std::vector<double> adjusted = holm(p);
  size_t next = 0;
  for (GroupCorrelations& group : groups) {
    for (Correlation& correlation : group.correlations) correlation.effect.adjusted_p = adjusted[next++];
  }
}

}  // namespace

Sample setting_sample(const SearchSpace& space, std::span<const Setting> settings, std::span<const double> values) {
  Sample sample;
  for (const Dimension& dimension : space.dimensions()) {
    std::vector<double> column;
    for (const Setting& setting : settings) column.push_back(value_of(setting, dimension));
    sample.columns.push_back(std::move(column));
    // Of two choices either order is one.
    const TechniqueInfo& info = technique(dimension.id);
    sample.is_ordered.push_back(is_schedule(dimension) ? dimension.schedules.size() == 2
                                                       : info.kind != Kind::kCategorical || info.choices.size() == 2);
  }
  sample.values.assign(values.begin(), values.end());
  return sample;
}

TrainedRegion trained_region(const SearchSpace& space, std::span<const TrialRecord> trials) {
  std::vector<const TrialRecord*> complete;
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::kComplete) complete.push_back(&trial);
  }
  if (complete.size() < kFewestTrials) {
    throw InvalidArgument("a sample: expected at least {} complete trials, which say where training works, got {}",
                          kFewestTrials, complete.size());
  }
  std::stable_sort(complete.begin(), complete.end(),
                   [](const TrialRecord* a, const TrialRecord* b) { return a->value > b->value; });
  complete.resize((complete.size() + 1) / 2);
  TrainedRegion region{space.low(), space.high(), space.sparse()};
  for (size_t d = 0; d < region.low.size(); ++d) {
    const Dimension& dimension = space.dimensions()[d];
    if (technique(dimension.id).kind == Kind::kCategorical || is_schedule(dimension)) continue;
    const auto by_coordinate = [d](const TrialRecord* a, const TrialRecord* b) {
      return a->position[d] < b->position[d];
    };
    const auto [lowest, highest] = std::minmax_element(complete.begin(), complete.end(), by_coordinate);
    region.low[d] = (*lowest)->position[d];
    region.high[d] = (*highest)->position[d];
    // Half of the settings have an optional technique off by design; the others have it on.
    if (!has_off_interval(dimension) || !dimension.sparse) continue;
    const double top = std::nextafter(dimension.off_high, dimension.raw_high);
    if (dimension.off_low <= dimension.raw_low) region.low[d] = std::max(region.low[d], top);
    if (dimension.off_high >= dimension.raw_high) {
      region.high[d] = std::min(region.high[d], std::nextafter(dimension.off_low, dimension.raw_low));
    }
    region.low[d] = std::min(region.low[d], dimension.raw_high);
    region.high[d] = std::max(region.high[d], region.low[d]);
  }
  return region;
}

std::vector<std::vector<double>> sample_positions(const SearchSpace& space, const TrainedRegion& region,
                                                  int64_t num_settings, uint64_t seed) {
  const DesignedSample design(Design::kLatinHypercube, num_settings, space.num_dimensions(), seed);
  const std::vector<double> off = space.off();
  std::vector<std::vector<double>> positions;
  for (int64_t i = 0; i < num_settings; ++i) {
    std::vector<double> position = design.point(i);
    for (size_t d = 0; d < position.size(); ++d) {
      const double place = region.is_optional[d] ? 2 * position[d] - 1 : position[d];
      position[d] = place < 0 ? off[d] : region.low[d] + place * (region.high[d] - region.low[d]);
    }
    positions.push_back(std::move(position));
  }
  return positions;
}

SampleReport analyse_sample(const SearchSpace& space, std::span<const Setting> settings, std::span<const double> values,
                            uint64_t seed) {
  const Sample sample = setting_sample(space, settings, values);
  SampleReport report{variance_shares(sample), best_contributions(sample), interactions(sample),
                      correlate_groups(space, settings, sample, seed)};
  correct_together(report.groups);
  return report;
}

}  // namespace murmur
