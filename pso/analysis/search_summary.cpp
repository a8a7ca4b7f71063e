#include "murmur/pso/analysis/search_summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "murmur/pso/analysis/ablation.hpp"
#include "murmur/pso/analysis/importance.hpp"
#include "murmur/pso/analysis/setting_sample.hpp"

namespace murmur {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool is_pruned(const TrialRecord& trial) {
  return trial.attributes.contains("pruned");
}

void count(FailureCount& counted, const TrialRecord& trial) {
  ++counted.num_trials;
  if (trial.state == TrialState::kPruned) ++(is_pruned(trial) ? counted.num_pruned : counted.num_aborted);
  if (trial.state == TrialState::kFail) ++counted.num_diverged;
}

bool is_full_training(const TrialRecord& trial) {
  const auto stage = trial.attributes.find("stage");
  const bool is_stage_one = stage != trial.attributes.end() && stage->second == 1;
  return !is_stage_one && trial.state != TrialState::kRunning && trial.state != TrialState::kWaiting;
}

/// Of each technique of the space with the accuracy. Trials have the order of their numbers; fewer than ten say
/// nothing. The accuracy of a pruned one is that of fewer epochs: it is left out.
std::vector<double> correlations_of(const SearchSpace& space, std::span<const TrialRecord> trials) {
  constexpr size_t kFewest = 10;
  std::vector<Setting> settings;
  std::vector<double> values;
  for (const TrialRecord& trial : trials) {
    if (!is_full_training(trial) || is_pruned(trial)) continue;
    settings.push_back(trial.setting);
    values.push_back(trial.state == TrialState::kFail ? kNan : trial.value);
  }
  std::vector<double> result(space.dimensions().size(), kNan);
  if (settings.size() < kFewest) return result;
  const std::vector<Effect> effects = controlled_correlations(setting_sample(space, settings, values));
  for (size_t i = 0; i < result.size(); ++i) result[i] = effects[i].size;
  return result;
}

}  // namespace

double FailureCount::failure_rate() const {
  return num_trials == 0 ? kNan : static_cast<double>(num_aborted + num_diverged) / static_cast<double>(num_trials);
}

SearchSummary summarize_search(const SearchSpace& space, const Setting& all_off, std::span<const TrialRecord> trials) {
  SearchSummary summary;
  const std::vector<Setting> best = best_settings(trials);
  summary.num_best = static_cast<int64_t>(best.size());
  const std::vector<double> correlations = correlations_of(space, trials);
  for (size_t d = 0; d < space.dimensions().size(); ++d) {
    if (is_schedule(space.dimensions()[d])) continue;  // a part of its technique
    const Technique id = space.dimensions()[d].id;
    std::vector<Setting> on;
    std::copy_if(best.begin(), best.end(), std::back_inserter(on),
                 [&](const Setting& s) { return s[id] != all_off[id]; });
    const double share = best.empty() ? kNan : static_cast<double>(on.size()) / static_cast<double>(best.size());
    summary.techniques.push_back({id, {}, {}, share, typical_value(on, space.dimensions()[d]), correlations[d]});
  }
  std::map<double, ChoiceSummary> optimizers;
  for (const TrialRecord& trial : trials) {
    if (!is_full_training(trial)) continue;
    count(summary.all, trial);
    for (TechniqueSummary& row : summary.techniques) {
      count(trial.setting[row.id] != all_off[row.id] ? row.on : row.off, trial);
    }
    const double optimizer = trial.setting[Technique::kOptimizer];
    ChoiceSummary& row = optimizers.try_emplace(optimizer, ChoiceSummary{optimizer, {}, kNan}).first->second;
    count(row.trials, trial);
    if (trial.state == TrialState::kComplete && !(row.best >= trial.value)) row.best = trial.value;
  }
  for (const auto& [value, row] : optimizers) summary.optimizers.push_back(row);
  return summary;
}

}  // namespace murmur
