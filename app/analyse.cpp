#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/analysis_report.hpp"
#include "app/commands.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/report.hpp"
#include "app/signals.hpp"
#include "app/study_trial.hpp"
#include "murmur/engine/error.hpp"

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
    Progress progress(command.common.quiet);
    return run_trainings(study, "analysis: " + name, search, data, trainer, trainings,
                         {num_epochs(), command.slots, abort_below}, [&](const TrainingsProgress& now) {
                           progress.show(fmt::format("{}: {} of {} trainings, {} running", name, now.num_done,
                                                     now.num_all, now.num_running),
                                         now.num_done == now.num_all || SignalWatch::seen() != 0);
                           return SignalWatch::seen() == 0;
                         });
  }
};

std::optional<AblationReport> ablate(const Workplace& place, const TrialRecord& trial,
                                     const std::vector<TrialRecord>& trials) {
  const SearchDefinition& search = place.search;
  AblationReport report{trial.number, place.num_epochs(), search.seed + kAblationSeeds, {}, {}, {}, {}};
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
  if (command.sample > 0) {
    report.sample = train_sample(place, trials);
    if (!report.sample) return stopped(command);
    print_sample(*report.sample, search.space);
  }
  print_summary(report.search);
  write_report(command.common.json, to_json(report, search.space));
  return 0;
}

}  // namespace

Run add_analyse(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("analyse", "what a study's techniques are worth, with how much evidence");
  auto command = std::make_shared<AnalyseCommand>();
  add_study_options(*sub, command->study, command->study_name);
  sub->add_option("--trial", command->trial, "the complete trial to take apart: its number, or best")
      ->capture_default_str();
  sub->add_option("--repeats", command->repeats, "seeds of each setting, the same for all")
      ->check(whole_number(2, 10000))
      ->capture_default_str();
  sub->add_option("--trials", command->sample,
                  "settings of a designed sample of what trains (0: none; 440 find what explains 8 % of the variance)")
      ->check(whole_number(0, kMostTrainings))
      ->capture_default_str();
  sub->add_option("--sample-seed", command->sample_seed, "of that sample")->check(any_seed())->capture_default_str();
  sub->add_option("--epochs", command->epochs, "epochs of a training (0: as many as a trial had)")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
  sub->add_option("--slots", command->slots, "networks trained at once; changes no result")
      ->check(whole_number(1, int64_t{1} << 20))
      ->capture_default_str();
  add_place_options(*sub, command->common);
  return [command] { return analyse(*command); };
}

}  // namespace murmur::app
