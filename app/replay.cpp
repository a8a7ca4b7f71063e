#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "app/commands.hpp"
#include "app/json_report.hpp"
#include "app/progress.hpp"
#include "app/study_trial.hpp"
#include "app/terminal.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/replay.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

struct ReplayCommand {
  CommonOptions common;
  std::string study, name;
  std::string trial = "best";
};

/// The same bits. A NaN has none that a study keeps: it is the same as another.
bool is_same(double recorded, double again) {
  return std::memcmp(&recorded, &again, sizeof(double)) == 0 || (std::isnan(recorded) && std::isnan(again));
}

/// The validation accuracies after every epoch that the study has of a trial.
const std::vector<double>& recorded_accuracies(const Study& study, const TrialRecord& trial) {
  if (trial.seed == 0 && trial.attributes.find(kEpochs) == trial.attributes.end()) {
    throw StudyError("study '{}': expected a trial that murmur has trained, got {}, which is {}", study.path().string(),
                     trial.number, trial_state_name(trial.state));
  }
  if (trial.intermediate.empty()) {
    throw StudyError("study '{}': expected a trial with an accuracy after each epoch, got {}, which is {}",
                     study.path().string(), trial.number, trial_state_name(trial.state));
  }
  return trial.intermediate;
}

/// Trains the trial alone, as often as the search did, for as many epochs as are recorded.
std::vector<double> train_again(const ReplayCommand& command, const SearchDefinition& search, const TrialRecord& trial,
                                const TrainingData& data, const TrainerOptions& options) {
  PopulationTrainer trainer(parse_model(search.model), data, options);
  for (int64_t repeat = 0; repeat < search.trial_repeats; ++repeat) {
    trainer.start(repeat, {TrialSeeds{trial.seed}.of(0, repeat), trial.setting, search.num_epochs});
  }
  Progress progress(command.common.quiet);
  std::vector<double> accuracies;
  const size_t num_epochs = trial.intermediate.size();
  while (accuracies.size() < num_epochs) {
    accuracies.push_back(mean_result(trainer.run_epoch()).validation_accuracy);
    progress.show(fmt::format("trial {}: epoch {}/{}", trial.number, accuracies.size(), num_epochs),
                  accuracies.size() == num_epochs);
  }
  return accuracies;
}

/// The first epoch, from 1, whose accuracies differ; none where all are the same.
std::optional<size_t> first_difference(const std::vector<double>& recorded, const std::vector<double>& again) {
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (!is_same(recorded[i], again[i])) return i + 1;
  }
  return std::nullopt;
}

void print_replay(const TrialRecord& trial, const std::vector<double>& again, std::optional<size_t> difference) {
  fmt::print("{:>6}  {:>20}  {:>20}\n", "epoch", "recorded", "again");
  for (size_t i = 0; i < again.size(); ++i) {
    fmt::print("{:>6}  {:>20}  {:>20}{}\n", i + 1, trial.intermediate[i], again[i],
               is_same(trial.intermediate[i], again[i]) ? "" : "  differs");
  }
  if (difference) {
    fmt::print("trial {}: epoch {} differs: recorded {}, again {}\n", trial.number, *difference,
               trial.intermediate[*difference - 1], again[*difference - 1]);
  } else {
    fmt::print("trial {}: the same in all {} epochs, to the last bit\n", trial.number, again.size());
  }
}

Json replay_json(const Study& study, const TrialRecord& trial, const std::vector<double>& again,
                 std::optional<size_t> difference, const TrainerOptions& options) {
  Json report = report_head("replay");
  report.update(running_json(options));
  Json epochs = Json::array();
  for (size_t i = 0; i < again.size(); ++i) {
    epochs.push_back(
        {{"epoch", i + 1}, {"recorded", finite_or_null(trial.intermediate[i])}, {"again", finite_or_null(again[i])}});
  }
  report.update({{"study", study.path().string()},
                 {"name", study.name()},
                 {"trial", trial.number},
                 {"state", trial_state_name(trial.state)},
                 {"seed", std::to_string(trial.seed)},
                 {"setting", setting_json(trial.setting, SettingPart::kNotOff)},
                 {"same", !difference},
                 {"first_difference", difference ? Json(*difference) : Json()},
                 {"epochs", epochs}});
  return report;
}

int replay(const ReplayCommand& command) {
  reserve_report(command.common.json);
  const Study study = Study::open_read_only(command.study, command.name);
  const SearchDefinition search = search_definition(study);
  const TrialRecord trial = chosen_trial(study, command.trial);
  const std::vector<double>& recorded = recorded_accuracies(study, trial);
  const TrainerOptions options = trainer_options_of(search, trainer_options(command.common, search.trial_repeats));
  const TrainingData data = training_data(load_search_data(command.common, study, search), options.device);
  if (!command.common.quiet) {
    say(fmt::format("trial {} of {}: {} on {}, seed {}, on {}: {}", trial.number, study.path().string(), search.model,
                    search.dataset, trial.seed, options.device.name(), describe(options.device)));
  }
  const std::vector<double> again = train_again(command, search, trial, data, options);
  const std::optional<size_t> difference = first_difference(recorded, again);
  print_replay(trial, again, difference);
  write_report(command.common.json, replay_json(study, trial, again, difference, options));
  return difference ? 1 : 0;
}

}  // namespace

Run add_replay(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("replay", "train a study's trial again, and compare: on a CPU to the last bit");
  auto command = std::make_shared<ReplayCommand>();
  add_study_options(*sub, command->study, command->name);
  sub->add_option("--trial", command->trial, "its number, best, or winner (of the final test)")->capture_default_str();
  add_place_options(*sub, command->common);
  return [command] { return replay(*command); };
}

}  // namespace murmur::app
