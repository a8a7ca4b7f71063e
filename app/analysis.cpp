#include "app/analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/train_command.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/final_test.hpp"

namespace murmur::app {
namespace {

constexpr std::string_view kPrefix = "analysis: ";
constexpr size_t kFewestSeeds = 2;

/// Each row's setting is that of the trial, or all off, and a few techniques.
void add_commands(const Study& study, const SearchDefinition& search, const TrialRecord& trial,
                  AblationReport& report) {
  std::vector<std::string> common{"--networks", std::to_string(report.all_off.size()), "--seed",
                                  std::to_string(report.first_seed)};
  if (report.num_epochs != search.num_epochs) {
    common.insert(common.end(), {"--epochs", std::to_string(report.num_epochs)});
  }
  const auto command_of = [&](const std::string& word, const Setting& from, const Setting& setting) {
    std::vector<std::string> words = set_words(from, setting);
    words.insert(words.begin(), common.begin(), common.end());
    return train_command(study, word, words);
  };
  report.all_off_command = command_of("baseline", search.base, search.base);
  for (const AblationRow& row : report.rows) {
    report.commands.push_back(row.comparison == Comparison::kAlone
                                  ? command_of("baseline", search.base, row.setting)
                                  : command_of(std::to_string(trial.number), trial.setting, row.setting));
  }
}

/// The outcomes up to the first training that has none.
std::vector<TrainingOutcome> ended(const StoredTrainings& stored) {
  std::vector<TrainingOutcome> outcomes;
  for (const auto& outcome : stored.outcomes) {
    if (!outcome) break;
    outcomes.push_back(*outcome);
  }
  return outcomes;
}

bool same_settings(std::span<const Training> a, std::span<const Training> b) {
  return std::ranges::equal(
      a, b, [](const Training& x, const Training& y) { return x.setting == y.setting && x.seed == y.seed; });
}

/// "analysis: sample of 440, seed 1": its seed; none of another name.
std::optional<uint64_t> seed_of_sample(std::string_view attribute, size_t num_settings) {
  const std::string before = analysis_attribute(fmt::format("sample of {}, seed ", num_settings));
  if (!attribute.starts_with(before)) return std::nullopt;
  attribute.remove_prefix(before.size());
  uint64_t seed = 0;
  const auto [end, error] = std::from_chars(attribute.data(), attribute.data() + attribute.size(), seed);
  if (error != std::errc() || end != attribute.data() + attribute.size()) return std::nullopt;
  return seed;
}

}  // namespace

std::string ablation_name(int64_t trial) {
  return fmt::format("ablation of trial {}", trial);
}

std::string sample_name(size_t num_settings, uint64_t seed) {
  return fmt::format("sample of {}, seed {}", num_settings, seed);
}

std::string analysis_attribute(const std::string& name) {
  return std::string(kPrefix) + name;
}

std::vector<Training> ablation_trainings(const SearchDefinition& search, std::span<const AblationRow> rows,
                                         int64_t repeats) {
  std::vector<Training> trainings;
  for (int64_t repeat = 0; repeat < repeats; ++repeat) {
    const uint64_t seed = search.seed + kAblationSeeds + static_cast<uint64_t>(repeat);
    trainings.push_back({search.base, seed});
    for (const AblationRow& row : rows) trainings.push_back({row.setting, seed});
  }
  return trainings;
}

AblationReport ablation_report(const Study& study, const SearchDefinition& search, const TrialRecord& trial,
                               std::vector<AblationRow> rows, std::span<const TrainingOutcome> outcomes,
                               int64_t num_epochs) {
  AblationReport report{trial.number,
                        num_epochs,
                        search.seed + kAblationSeeds,
                        std::string(baseline_name(search)),
                        std::move(rows),
                        {},
                        {},
                        {},
                        {},
                        {},
                        {}};
  report.noise = noise_of_setting(search.space, search.base, report.rows);
  report.accuracies.resize(report.rows.size());
  const size_t num_settings = report.rows.size() + 1;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    std::vector<double>& row = i % num_settings == 0 ? report.all_off : report.accuracies[i % num_settings - 1];
    row.push_back(outcomes[i].validation_accuracy);
  }
  report.effects = ablation_effects(report.rows, report.accuracies, report.all_off);
  add_commands(study, search, trial, report);
  return report;
}

std::vector<Training> sample_trainings(const SearchDefinition& search, std::span<const TrialRecord> trials,
                                       int64_t num_settings, uint64_t seed) {
  std::vector<Training> trainings;
  const TrainedRegion region = trained_region(search.space, trials);
  for (const std::vector<double>& position : sample_positions(search.space, region, num_settings, seed)) {
    trainings.push_back({search.space.decode(position, search.base), search.seed + kSampleSeeds + trainings.size()});
  }
  return trainings;
}

TrainedSample sample_report(const SearchDefinition& search, std::span<const Training> trainings,
                            std::span<const TrainingOutcome> outcomes, int64_t num_epochs, uint64_t seed) {
  TrainedSample sample{seed, num_epochs, {}, {outcomes.begin(), outcomes.end()}, {}};
  std::vector<double> accuracies;
  for (const Training& training : trainings) sample.settings.push_back(training.setting);
  for (const TrainingOutcome& outcome : outcomes) accuracies.push_back(outcome.validation_accuracy);
  sample.report = analyse_sample(search.space, sample.settings, accuracies, seed);
  return sample;
}

std::optional<AblationReport> stored_ablation(const Study& study, const SearchDefinition& search,
                                              const TrialRecord& trial, std::span<const TrialRecord> trials,
                                              std::string& why) {
  const std::string name = ablation_name(trial.number);
  const auto stored = stored_trainings(study, analysis_attribute(name));
  if (!stored) return std::nullopt;
  std::vector<AblationRow> rows = ablation_rows(search.space, search.base, trial.setting, best_settings(trials));
  const auto has_rows = [&] {
    const size_t num_seeds = stored->trainings.size() / (rows.size() + 1);
    return same_settings(ablation_trainings(search, rows, static_cast<int64_t>(num_seeds)), stored->trainings);
  };
  if (!has_rows()) {  // an earlier version had no row of all noise
    std::erase_if(rows, [](const AblationRow& row) { return row.comparison == Comparison::kWithoutNoise; });
  }
  // The levels that are put on besides are those of the best trials, which may have become others since.
  if (!has_rows()) {
    why = fmt::format("the {} is of a time when the study had fewer trials", name);
    return std::nullopt;
  }
  const size_t num_settings = rows.size() + 1;
  const size_t num_seeds = stored->trainings.size() / num_settings;
  std::vector<TrainingOutcome> outcomes = ended(*stored);
  const size_t num_ended = outcomes.size() / num_settings;
  if (num_ended < num_seeds) {
    why = fmt::format("the {} has been interrupted: {} of {} seeds have ended", name, num_ended, num_seeds);
  }
  if (num_ended < kFewestSeeds) return std::nullopt;
  outcomes.resize(num_ended * num_settings);
  return ablation_report(study, search, trial, std::move(rows), outcomes, stored->options.num_epochs);
}

std::optional<TrainedSample> stored_sample(const Study& study, const SearchDefinition& search, std::string& why) {
  std::optional<TrainedSample> largest;
  for (const auto& [key, value] : study.attributes()) {
    if (!key.starts_with(analysis_attribute("sample of "))) continue;
    const auto stored = stored_trainings(study, key);
    const std::optional<uint64_t> seed = stored ? seed_of_sample(key, stored->trainings.size()) : std::nullopt;
    if (!seed) continue;
    const std::vector<TrainingOutcome> outcomes = ended(*stored);
    if (outcomes.size() < stored->trainings.size()) {
      why = fmt::format("the {} has been interrupted: {} settings have ended",
                        sample_name(stored->trainings.size(), *seed), outcomes.size());
      continue;
    }
    if (largest && largest->settings.size() >= outcomes.size()) continue;
    largest = sample_report(search, stored->trainings, outcomes, stored->options.num_epochs, *seed);
  }
  return largest;
}

}  // namespace murmur::app
