#include "murmur/pso/confirmation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/statistics.hpp"

namespace murmur {
namespace {

constexpr const char* kAttribute = "confirmation";
constexpr double kFarBelow = 0.2;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// The stable rows first, the best before the others.
bool ranks_before(const ConfirmedRow& a, const ConfirmedRow& b) {
  if (a.fault.empty() != b.fault.empty()) return a.fault.empty();
  return a.fault.empty() && mean(a.accuracies) > mean(b.accuracies);
}

}  // namespace

const ConfirmedRow* Confirmation::winner() const {
  return rows.empty() || !rows.front().fault.empty() ? nullptr : &rows.front();
}

bool Confirmation::beats_baseline() const {
  return winner() != nullptr && (!baseline.fault.empty() || mean(winner()->accuracies) > mean(baseline.accuracies));
}

std::vector<TrialRecord> best_trials(const Study& study, int64_t count) {
  return best_trials(study.trials(), study.base(), count);
}

std::vector<TrialRecord> best_trials(std::vector<TrialRecord> trials, const Setting& base, int64_t count) {
  std::erase_if(
      trials, [&](const TrialRecord& trial) { return trial.state != TrialState::kComplete || trial.setting == base; });
  std::ranges::stable_sort(trials, std::greater<>(), &TrialRecord::value);
  std::vector<TrialRecord> best;
  for (TrialRecord& trial : trials) {
    if (static_cast<int64_t>(best.size()) == count) break;
    if (std::ranges::find(best, trial.setting, &TrialRecord::setting) == best.end()) best.push_back(std::move(trial));
  }
  return best;
}

std::string instability(const std::vector<double>& accuracies, double chance) {
  const auto fault = [&](std::ptrdiff_t count, const std::string& what) {
    return fmt::format("{} of {} trainings {}", count, accuracies.size(), what);
  };
  const auto count_if = [&](const auto& is_bad) { return std::ranges::count_if(accuracies, is_bad); };
  const auto diverged = count_if([](double accuracy) { return !std::isfinite(accuracy); });
  if (diverged > 0) return fault(diverged, "diverged");
  const auto chances = count_if([&](double accuracy) { return accuracy < chance; });
  if (chances > 0) return fault(chances, "ended near chance");
  const double middle = median(accuracies);
  const auto low = count_if([&](double accuracy) { return accuracy < middle - kFarBelow; });
  return low > 0 ? fault(low, "ended far below the others") : "";
}

namespace {

/// Says which rows are stable, and puts them into their order.
void rank(Confirmation& confirmation, double chance) {
  const auto fault_of = [chance](const ConfirmedRow& row) {
    return row.accuracies.empty() ? std::string() : instability(row.accuracies, chance);
  };
  confirmation.baseline.fault = fault_of(confirmation.baseline);
  for (ConfirmedRow& row : confirmation.rows) row.fault = fault_of(row);
  std::ranges::stable_sort(confirmation.rows, ranks_before);
}

/// The row of a setting: of the trial of the highest value that has it; of a setting that no trial has, none.
std::optional<ConfirmedRow> row_of(const Setting& setting, std::span<const TrialRecord> trials) {
  const TrialRecord* best = nullptr;
  for (const TrialRecord& trial : trials) {
    if (trial.state != TrialState::kComplete || trial.setting != setting) continue;
    if (best == nullptr || trial.value > best->value) best = &trial;
  }
  if (best == nullptr) return std::nullopt;
  return ConfirmedRow{best->number, best->value, setting};
}

}  // namespace

std::optional<StoredConfirmation> stored_confirmation(const Study& study, const SearchDefinition& search,
                                                      std::span<const TrialRecord> trials) {
  const std::optional<StoredTrainings> stored = stored_trainings(study, kAttribute);
  if (!stored || stored->trainings.empty()) return std::nullopt;
  const std::optional<Baseline> baseline = read_baseline(study);
  Confirmation result{stored->options.num_epochs,
                      stored->trainings.front().seed,
                      {-1, baseline ? baseline->validation_accuracy : 0, study.base()}};
  // The baseline and the rows with the first seed, then with the next.
  for (size_t i = 1; i < stored->trainings.size() && stored->trainings[i].seed == result.first_seed; ++i) {
    const std::optional<ConfirmedRow> row = row_of(stored->trainings[i].setting, trials);
    if (!row) {
      throw StudyError("study '{}': {}: expected settings of trials, got one of none", study.path().string(),
                       kAttribute);
    }
    result.rows.push_back(*row);
  }
  const size_t num_settings = result.rows.size() + 1;
  for (size_t i = 0; i < stored->outcomes.size(); ++i) {
    if (!stored->outcomes[i]) continue;
    ConfirmedRow& row = i % num_settings == 0 ? result.baseline : result.rows[i % num_settings - 1];
    row.accuracies.push_back(stored->outcomes[i]->validation_accuracy);
  }
  rank(result, search.abort_below);
  return StoredConfirmation{std::move(result), stored->num_missing()};
}

std::optional<Confirmation> confirm(Study& study, const SearchDefinition& search, const TrainingData& data,
                                    const TrainerOptions& trainer, const ConfirmationOptions& options,
                                    const OnTrainingsEpoch& on_epoch) {
  const std::optional<Baseline> baseline = read_baseline(study);
  Confirmation result{options.num_epochs > 0 ? options.num_epochs : search.num_epochs,
                      search.seed + kConfirmationSeeds,
                      {-1, baseline ? baseline->validation_accuracy : 0, study.base()}};
  for (const TrialRecord& trial : best_trials(study, options.count)) {
    result.rows.push_back({trial.number, trial.value, trial.setting});
  }
  // Seed after seed, so that more repeats go on from there.
  std::vector<Training> trainings;
  for (int64_t repeat = 0; repeat < options.repeats; ++repeat) {
    const uint64_t seed = result.first_seed + static_cast<uint64_t>(repeat);
    trainings.push_back({result.baseline.setting, seed});
    for (const ConfirmedRow& row : result.rows) trainings.push_back({row.setting, seed});
  }
  const auto outcomes = run_trainings(study, kAttribute, search, data, trainer, trainings,
                                      {result.num_epochs, options.num_slots, 0}, on_epoch);
  if (!outcomes) return std::nullopt;
  const size_t num_settings = result.rows.size() + 1;
  for (size_t i = 0; i < outcomes->size(); ++i) {
    ConfirmedRow& row = i % num_settings == 0 ? result.baseline : result.rows[i % num_settings - 1];
    row.accuracies.push_back((*outcomes)[i].validation_accuracy);
  }
  rank(result, search.abort_below);
  return result;
}

}  // namespace murmur
