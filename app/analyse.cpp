#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "app/analysis_report.hpp"
#include "app/commands.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/signals.hpp"
#include "app/study_trial.hpp"
#include "app/train_command.hpp"
#include "app/trainings.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/final_test.hpp"

namespace murmur::app {
namespace {

// Seeds of the analysis: behind those of trials and of final tests.
constexpr uint64_t kAblationSeeds = uint64_t{kMaxTrials} + (uint64_t{1} << 30);
constexpr uint64_t kSampleSeeds = uint64_t{kMaxTrials} + (uint64_t{1} << 31);
constexpr int64_t kMostTrainings = int64_t{1} << 20;

struct AnalyseCommand {
  CommonOptions common;
  std::string study;
  std::string study_name;
  std::string trial = "best";
  int64_t repeats = 5;
  int64_t sample = 0;  // settings
  uint64_t sample_seed = 1;
  int64_t epochs = 0;  // 0: as many as the search
  int64_t slots = 32;
  bool with_commands = false;
  bool only_ablation = false;  // `murmur ablate`
};

/// What both kinds of trainings share.
struct Workplace {
  const AnalyseCommand& command;
  Study& study;
  const SearchDefinition& search;
  const TrainingData& data;
  const TrainerOptions& trainer;

  int64_t num_epochs() const { return command.epochs > 0 ? command.epochs : search.num_epochs; }

  /// None where a signal stopped it.
  std::optional<std::vector<TrainingOutcome>> train(const std::string& name, const std::vector<Training>& trainings,
                                                    double abort_below) const {
    TrainingsLine line(name, command.common.quiet);
    return unless_stopped([&] {
      return run_trainings(study, "analysis: " + name, search, data, trainer, trainings,
                           {num_epochs(), command.slots, abort_below}, std::ref(line));
    });
  }
};

/// Each row's setting is that of the trial, or all off, and a few techniques.
void add_commands(const Workplace& place, const TrialRecord& trial, AblationReport& report) {
  std::vector<std::string> common{"--networks", std::to_string(place.command.repeats), "--seed",
                                  std::to_string(report.first_seed)};
  if (place.num_epochs() != place.search.num_epochs) {
    common.insert(common.end(), {"--epochs", std::to_string(place.num_epochs())});
  }
  const auto command_of = [&](const std::string& word, const Setting& from, const Setting& setting) {
    std::vector<std::string> words = set_words(from, setting);
    words.insert(words.begin(), common.begin(), common.end());
    return train_command(place.study, word, words);
  };
  report.all_off_command = command_of("baseline", place.search.base, place.search.base);
  for (const AblationRow& row : report.rows) {
    report.commands.push_back(row.comparison == Comparison::kAlone
                                  ? command_of("baseline", place.search.base, row.setting)
                                  : command_of(std::to_string(trial.number), trial.setting, row.setting));
  }
}

std::optional<AblationReport> ablate(const Workplace& place, const TrialRecord& trial,
                                     const std::vector<TrialRecord>& trials) {
  const SearchDefinition& search = place.search;
  AblationReport report{trial.number,
                        place.num_epochs(),
                        search.seed + kAblationSeeds,
                        std::string(baseline_name(search)),
                        {},
                        {},
                        {},
                        {},
                        {},
                        {}};
  report.rows = ablation_rows(search.space, search.base, trial.setting, best_settings(trials));
  // Seed after seed, so that more repeats go on from there.
  std::vector<Training> trainings;
  for (int64_t repeat = 0; repeat < place.command.repeats; ++repeat) {
    const uint64_t seed = report.first_seed + static_cast<uint64_t>(repeat);
    trainings.push_back({search.base, seed});
    for (const AblationRow& row : report.rows) trainings.push_back({row.setting, seed});
  }
  const auto outcomes = place.train(fmt::format("ablation of trial {}", trial.number), trainings, 0);
  if (!outcomes) return std::nullopt;
  report.accuracies.resize(report.rows.size());
  const size_t num_settings = report.rows.size() + 1;
  for (size_t i = 0; i < outcomes->size(); ++i) {
    std::vector<double>& row = i % num_settings == 0 ? report.all_off : report.accuracies[i % num_settings - 1];
    row.push_back((*outcomes)[i].validation_accuracy);
  }
  report.effects = ablation_effects(report.rows, report.accuracies, report.all_off);
  add_commands(place, trial, report);
  return report;
}

std::optional<TrainedSample> train_sample(const Workplace& place, const std::vector<TrialRecord>& trials) {
  const SearchDefinition& search = place.search;
  const uint64_t seed = place.command.sample_seed;
  TrainedSample sample{seed, place.num_epochs(), {}, {}, {}};
  std::vector<Training> trainings;
  std::vector<double> accuracies;
  const TrainedRegion region = trained_region(search.space, trials);
  for (const std::vector<double>& position : sample_positions(search.space, region, place.command.sample, seed)) {
    sample.settings.push_back(search.space.decode(position, search.base));
    trainings.push_back({sample.settings.back(), search.seed + kSampleSeeds + trainings.size()});
  }
  const auto outcomes =
      place.train(fmt::format("sample of {}, seed {}", trainings.size(), seed), trainings, search.abort_below);
  if (!outcomes) return std::nullopt;
  sample.outcomes = *outcomes;
  for (const TrainingOutcome& outcome : sample.outcomes) accuracies.push_back(outcome.validation_accuracy);
  sample.report = analyse_sample(search.space, sample.settings, accuracies, seed);
  return sample;
}

int stopped(const AnalyseCommand& command) {
  fmt::print("stopped; what has ended is in the study {}; the same command goes on from there\n", command.study);
  return 128 + SignalWatch::seen();  // as shells report a program that a signal ended
}

int analyse(const AnalyseCommand& command) {
  reserve_report(command.common.json);
  Study study = Study::open_read_only(command.study, command.study_name);
  const SearchDefinition search = search_definition(study);
  check_seeds(search.seed, kSampleSeeds + kMostTrainings);
  const std::vector<TrialRecord> trials = study.trials();
  const TrialRecord trial = complete_trial(study, command.trial);
  if (command.sample > 0) trained_region(search.space, trials);  // refuses before anything is trained
  const TrainerOptions trainer = trainer_options(command.common, command.slots);
  const TrainingData data = training_data(load_search_data(command.common, study, search), trainer.device);
  study = Study::create_or_open(command.study, study_definition(search));
  AnalysisReport report{command.study, summarize_search(search.space, search.base, trials), {}, {}};
  const Workplace place{command, study, search, data, trainer};
  const SignalWatch watch;
  report.ablation = ablate(place, trial, trials);
  if (!report.ablation) return stopped(command);
  print_ablation(*report.ablation);
  if (command.with_commands) print_commands(*report.ablation);
  if (command.sample > 0) {
    report.sample = train_sample(place, trials);
    if (!report.sample) return stopped(command);
    print_sample(*report.sample, search.space);
  }
  if (!command.only_ablation) print_summary(report.search);
  write_report(command.common.json, command.only_ablation ? to_json(*report.ablation, study) : to_json(report, study));
  return 0;
}

/// What both commands have.
void add_ablation_options(CLI::App& app, AnalyseCommand& command) {
  app.add_option("--trial", command.trial, "the complete trial to take apart: its number, best, or winner")
      ->capture_default_str();
  app.add_option("--repeats", command.repeats, "seeds of each setting, the same for all")
      ->check(whole_number(2, 10000))
      ->capture_default_str();
  app.add_option("--epochs", command.epochs, "epochs of a training (0: as many as a trial had)")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
  app.add_option("--slots", command.slots, "networks trained at once; changes no result")
      ->check(whole_number(1, int64_t{1} << 20))
      ->capture_default_str();
  app.add_flag("--commands", command.with_commands, "print the command that trains each row again; --json has it too");
  add_place_options(app, command.common);
}

}  // namespace

Run add_analyse(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("analyse", "what a study's techniques are worth, with how much evidence");
  auto command = std::make_shared<AnalyseCommand>();
  add_study_options(*sub, command->study, command->study_name);
  sub->add_option("--trials", command->sample,
                  "settings of a designed sample of what trains (0: none; 440 find what explains 8 % of the variance)")
      ->check(whole_number(0, kMostTrainings))
      ->capture_default_str();
  sub->add_option("--sample-seed", command->sample_seed, "of that sample")->check(any_seed())->capture_default_str();
  add_ablation_options(*sub, *command);
  return [command] { return analyse(*command); };
}

Run add_ablate(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("ablate", "what each technique of a study's trial is worth: analyse's first part");
  auto command = std::make_shared<AnalyseCommand>();
  command->only_ablation = true;
  sub->add_option("--from", command->study, "study file of a search")->required();
  sub->add_option("--name", command->study_name, "the study's name, where the file has several");
  add_ablation_options(*sub, *command);
  return [command] { return analyse(*command); };
}

}  // namespace murmur::app
