#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "app/analysis.hpp"
#include "app/commands.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/runs.hpp"
#include "app/signals.hpp"
#include "app/study_trial.hpp"
#include "app/terminal.hpp"
#include "app/trainings.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/study_lock.hpp"

namespace murmur::app {
namespace {

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
      return run_trainings(study, analysis_attribute(name), search, data, trainer, trainings,
                           {num_epochs(), command.slots, abort_below}, std::ref(line));
    });
  }
};

std::optional<AblationReport> ablate(const Workplace& place, const TrialRecord& trial,
                                     const std::vector<TrialRecord>& trials) {
  const SearchDefinition& search = place.search;
  std::vector<AblationRow> rows = ablation_rows(search.space, search.base, trial.setting, best_settings(trials));
  const auto outcomes =
      place.train(ablation_name(trial.number), ablation_trainings(search, rows, place.command.repeats), 0);
  if (!outcomes) return std::nullopt;
  return ablation_report(place.study, search, trial, std::move(rows), *outcomes, place.num_epochs());
}

std::optional<TrainedSample> train_sample(const Workplace& place, const std::vector<TrialRecord>& trials) {
  const SearchDefinition& search = place.search;
  const uint64_t seed = place.command.sample_seed;
  const std::vector<Training> trainings = sample_trainings(search, trials, place.command.sample, seed);
  const auto outcomes = place.train(sample_name(trainings.size(), seed), trainings, search.abort_below);
  if (!outcomes) return std::nullopt;
  return sample_report(search, trainings, *outcomes, place.num_epochs(), seed);
}

int stopped(const AnalyseCommand& command, RecordedRun& recorded) {
  recorded.end(SignalWatch::seen());
  fmt::print("stopped; what has ended is in the study {}; the same command goes on from there\n",
             printable(command.study));
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
  const StudyLock lock(study.path(), study.name());
  AnalysisReport report{command.study, summarize_search(search.space, search.base, trials), {}, {}};
  const Workplace place{command, study, search, data, trainer};
  RecordedRun recorded(study, command.only_ablation ? "ablate" : "analyse", trainer.device);
  const SignalWatch watch;
  report.ablation = ablate(place, trial, trials);
  if (!report.ablation) return stopped(command, recorded);
  print_ablation(*report.ablation);
  if (command.with_commands) print_commands(*report.ablation);
  if (command.sample > 0) {
    report.sample = train_sample(place, trials);
    if (!report.sample) return stopped(command, recorded);
    print_sample(*report.sample, search.space);
  }
  recorded.end();
  if (!command.only_ablation) print_summary(report.search);
  print_noise(*report.ablation);
  write_report(command.common.json,
               command.only_ablation ? ablation_json(*report.ablation, study) : analysis_json(report, study));
  return 0;
}

/// What both commands have.
void add_ablation_options(CLI::App& app, AnalyseCommand& command) {
  app.add_option("--trial", command.trial, "the complete trial to take apart: its number, best, or winner")
      ->capture_default_str();
  app.add_option("--repeats", command.repeats, "seeds of each setting, the same for all")
      ->transform(whole_number(2, 10000))
      ->capture_default_str();
  app.add_option("--epochs", command.epochs, "epochs of a training (0: as many as a trial had)")
      ->transform(whole_number(0, 1000000))
      ->capture_default_str();
  app.add_option("--slots", command.slots, "networks trained at once; changes no result")
      ->transform(whole_number(1, int64_t{1} << 20))
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
      ->transform(whole_number(0, kMostTrainings))
      ->capture_default_str();
  sub->add_option("--sample-seed", command->sample_seed, "of that sample")
      ->transform(any_seed())
      ->capture_default_str();
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
