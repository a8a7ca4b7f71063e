#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/cluster.hpp"
#include "app/commands.hpp"
#include "app/dry_run.hpp"
#include "app/final_test.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/report/document.hpp"
#include "app/runs.hpp"
#include "app/search_command.hpp"
#include "app/signals.hpp"
#include "app/terminal.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/study_lock.hpp"

namespace murmur::app {
namespace {

/// How the trials told have ended.
std::string outcome(const SearchProgress& now) {
  const std::string stage_one = now.num_stage_one > 0 ? fmt::format("{} of stage one, ", now.num_stage_one) : "";
  const std::string pruned = now.num_pruned > 0 ? fmt::format("{} pruned, ", now.num_pruned) : "";
  return fmt::format("{}{} complete, {}{} aborted, {} diverged", stage_one, now.num_complete, pruned, now.num_aborted,
                     now.num_diverged);
}

/// "best 0.8800 · baseline 0.8616"
Piece best_piece(const SearchProgress& now, int64_t num_epochs) {
  const std::string best = now.best ? fmt::format("{:.4f}", *now.best) : "-";
  if (!now.baseline) {
    return {fmt::format("best {} · baseline at epoch {}/{}", best, now.baseline_epochs, num_epochs), 1};
  }
  const Colour colour = !now.best ? Colour::kNone : *now.best > *now.baseline ? Colour::kGreen : Colour::kYellow;
  return {fmt::format("best {} · baseline {:.4f}", best, *now.baseline), 1, colour};
}

/// `epoch_size`: images of an epoch of one trial. `share`: of the running epoch.
Line progress_line(const SearchProgress& now, const SearchCommand& command, int64_t epoch_size, double share,
                   double seconds) {
  const double images_of_epoch = share * static_cast<double>(now.num_running * epoch_size);
  const double images = static_cast<double>(now.num_images) + images_of_epoch;
  const double all = static_cast<double>(now.num_images) + now.images_to_come.value_or(0);
  return {
      {fmt::format("trials {}{}", now.num_told, command.num_trials > 0 ? fmt::format("/{}", command.num_trials) : "")},
      {now.num_running > 0 ? fmt::format("epoch {:2.0f} %", 100 * share) : "", 3, Colour::kFaint},
      best_piece(now, command.common.epochs),
      {now.num_running > 0 && now.images_to_come ? eta(seconds, images, all) : "", 2},
      {outcome(now), 4},
      {fmt::format("{:.0f} images/s", images / seconds), 5, Colour::kFaint}};
}

/// "goes on with the study study.db from 34 trials (20 complete, ...); 3 that had not ended are trained again"
void report_resumed(const SearchProgress& now, int64_t num_trials, const Study& study) {
  if (num_trials == 0) return;
  const int64_t num_again = num_trials - now.num_told;
  say(fmt::format("goes on with the study {} from {} ({}){}", study.path().string(), counted(now.num_told, "trial"),
                  outcome(now), num_again > 0 ? fmt::format("; {} that had not ended: trained again", num_again) : ""));
}

/// True where --timeout ends the search: as in Optuna not before a trial has ended that can be compared with the
/// baseline.
bool is_over(const SearchCommand& command, const SearchProgress& now, double seconds) {
  return command.timeout > 0 && seconds >= command.timeout && now.baseline && now.num_told > 0;
}

/// The signal that stopped the search, 0 when it ran to its end. A second one stops it in the middle of an epoch, which
/// the study then knows nothing of.
int run_search(SearchDriver& driver, const SearchCommand& command, int64_t epoch_size) {
  Progress progress(command.common.quiet, [&](double share) {
    return progress_line(driver.progress(), command, epoch_size, share, progress.elapsed_seconds());
  });
  const SignalWatch watch;
  bool has_ended = false;
  try {
    const auto goes_on = [&] {
      return SignalWatch::seen() == 0 && !is_over(command, driver.progress(), progress.elapsed_seconds());
    };
    while (goes_on() && !has_ended) {
      has_ended = !driver.step();
      if (!has_ended) progress.update();
    }
  } catch (const Stopped&) {
    return SignalWatch::seen();
  }
  if (driver.progress().num_images > 0) progress.update(true);
  if (!has_ended && !command.common.quiet && is_over(command, driver.progress(), progress.elapsed_seconds())) {
    say(fmt::format("--timeout: the search ends after {}; the same command goes on",
                    format_duration(progress.elapsed_seconds())));
  }
  return SignalWatch::seen();
}

/// "search: fc on mnist, 22 dimensions, 22 particles in 22 slots, 300 trials of 20 epochs, on cpu: ..."
void print_plan(const SearchCommand& command, const SearchDefinition& search, const Searcher& searcher,
                const TrainerOptions& options) {
  const std::string trials = command.num_trials > 0 ? counted(command.num_trials, "trial") : "trials";
  say(fmt::format("search: {} on {}, {}, {} in {}, {} of {}, on {}{}: {}", search.model, search.dataset,
                  counted(search.space.num_dimensions(), "dimension"), searcher.describe(),
                  counted(options.num_networks / search.trial_repeats, "slot"), trials,
                  counted(search.num_epochs, "epoch"),
                  num_ranks() > 1 ? fmt::format("{} ranks, rank 0 on ", num_ranks()) : "", options.device.name(),
                  describe(options.device)));
}

/// Runs the search; where it stood at its end, and the signal that stopped it, 0 for none.
struct Outcome {
  SearchProgress progress;
  int signal;
};

Outcome train_trials(const SearchCommand& command, const SearchDefinition& search, Searcher& searcher, Study& study,
                     const TrainingData& data, const TrainerOptions& options) {
  const std::unique_ptr<Trainer> trainer =
      make_trainer(parse_model(search.model), data, options,
                   {.together = search.trial_repeats, .lockstep = num_ranks() == 1 || command.synchronous});
  const int64_t num_trials = study.num_trials();
  SearchDriver driver(*trainer, searcher, study, search_options(search, command.num_trials));
  if (!command.common.quiet) report_resumed(driver.progress(), num_trials, study);
  const int number = run_search(driver, command, search.trial_repeats * trainer->epoch_size());
  return {driver.progress(), number};
}

/// The signal that stopped it, 0 for none.
int answer_search(const SearchCommand& command, const SearchDefinition& definition, const SearchProgress& progress,
                  Study& study, const TrainingData& data, const TrainerOptions& options) {
  const std::string path = printable(std::filesystem::absolute(command.study).string());
  const Answer answer = find_answer(command.answer, definition, study, data, options);
  fmt::print("{}", answer_text(answer, study, definition, terminal_width(STDOUT_FILENO)));
  if (answer.signal != 0) {
    fmt::print("stopped in the {}; what is finished is in the study {}; the same command goes on from there\n",
               command.answer.confirm > 0 && !answer.confirmation ? "confirmation" : "final test", path);
    return answer.signal;
  }
  fmt::print("{} ({}) in the study {}\n", counted(progress.num_told, "trial"), outcome(progress), path);
  nlohmann::json report = report_head("search");
  report.update(running_json(options));
  report["study"] = study.path().string();
  report.update(answer_json(answer, study, definition));
  write_report(command.common.json, report);
  return 0;
}

/// Trials, and where no signal stopped them the answer. The signal that stopped it, 0 for none.
int run_search(const SearchCommand& command, const SearchDefinition& definition, Searcher& searcher, Study& study,
               const TrainingData& data, const TrainerOptions& options, int64_t num_classes) {
  const auto [progress, number] = train_trials(command, definition, searcher, study, data, options);
  if (number != 0) {
    fmt::print("stopped after {}, which {} in the study {}; the same command goes on from there\n",
               counted(progress.num_told, "trial"), progress.num_told == 1 ? "is" : "are",
               printable(std::filesystem::absolute(command.study).string()));
    return number;
  }
  if (const auto baseline = read_baseline(study)) {
    report_chance(baseline->validation_accuracy, num_classes, command.common.quiet);
  }
  return answer_search(command, definition, progress, study, data, options);
}

/// For --report: also of a search that was stopped, where there is a trial.
void write_page(const SearchCommand& command, const Study& study) {
  if (command.report.empty() || study.num_trials() == 0) return;
  write_report_page(command.report, {{study.path(), study.name()}});
  fmt::print("the report: {}\n", printable(command.report));
}

/// Winner and baseline.
int64_t num_tested(const AnswerOptions& answer) {
  return 2 * answer.repeats;
}

/// Of all that the search trains from so many trials on, if no trial is aborted: epochs of single networks on the
/// training split. (The final test trains on train + validation.)
double num_network_epochs(const SearchCommand& command, const SearchDefinition& search, const TrainingData& data,
                          int64_t num_done) {
  const AnswerOptions& answer = command.answer;
  const int64_t final_epochs = answer.num_epochs > 0 ? answer.num_epochs : search.num_epochs;
  const int64_t num_trials =
      std::max<int64_t>(0, command.num_trials - num_done) + (num_done > 0 ? 0 : 1);  // the baseline
  const int64_t trials = num_trials * search.trial_repeats * search.num_epochs;
  const int64_t confirmed = answer.confirm > 0 ? (answer.confirm + 1) * answer.repeats : 0;
  const double share =
      static_cast<double>(data.training.count + data.validation.count) / static_cast<double>(data.training.count);
  const double finals = static_cast<double>(confirmed) + share * static_cast<double>(num_tested(answer));
  return static_cast<double>(trials) + static_cast<double>(final_epochs) * finals;
}

/// Of so many networks those of one rank.
int64_t of_rank(int64_t networks) {
  return (networks + num_ranks() - 1) / num_ranks();
}

/// The memory of the trials or of the final test, whatever trains more at once; the confirmation trains as many as the
/// trials. Throws where it is not there.
Foresight foresee_largest(const SearchCommand& command, const SearchDefinition& definition, const TrainingData& data,
                          TrainerOptions options) {
  options.num_networks = of_rank(std::max(options.num_networks, num_tested(command.answer)));
  return foresee_memory(parse_model(definition.model), data, options);
}

/// What the search would take on this rank, whose part is that of the others; the study is not touched, but one that is
/// there must be this search's. An epoch is timed with all that is searched in the middle of its range, which costs
/// more than most settings do.
int foresee_search(const SearchCommand& command, const SearchDefinition& definition, const Searcher& searcher,
                   const TrainingData& data, const TrainerOptions& options) {
  const std::optional<int64_t> num_done = Study::count_trials(command.study, study_definition(definition));
  TrainerOptions here = options;
  here.num_networks = of_rank(options.num_networks);
  std::vector<double> middle = definition.space.low();
  for (size_t i = 0; i < middle.size(); ++i) middle[i] = (middle[i] + definition.space.high()[i]) / 2;
  const Setting setting = definition.space.decode(middle, definition.base);
  const ModelSpecification model = parse_model(definition.model);
  const Foresight foresight = foresee(model, data, here, setting, definition.seed, definition.num_epochs);
  const Foresight largest = foresee_largest(command, definition, data, options);
  print_plan(command, definition, searcher, options);
  fmt::print("base     {}\n", setting_text(definition.base));
  for (const Dimension& dimension : definition.space.dimensions()) {
    const bool is_first = &dimension == definition.space.dimensions().data();
    fmt::print("{:<8} {}\n", is_first ? "searched" : "", dimension_text(dimension));
  }
  fmt::print("study    {}, {}\n", printable(command.study),
             num_done ? fmt::format("which has {}: the search goes on", counted(*num_done, "trial")) : "a new one");
  fmt::print("memory   {}\n", memory_text(largest));
  const double each = foresight.seconds_per_epoch / static_cast<double>(options.num_networks);
  const double seconds = each * num_network_epochs(command, definition, data, num_done.value_or(0));
  if (command.num_trials > 0) {
    fmt::print("time     about {} if no trial is aborted: trials, confirmation and final test; {}\n",
               format_duration(seconds), time_text(foresight));
  } else {
    fmt::print("time     until the searcher has converged; {}\n", time_text(foresight));
  }
  nlohmann::json report = report_head("dry-run");
  report.update(running_json(options));
  report.update(foresight_json(largest));
  report["seconds_per_epoch"] = foresight.seconds_per_epoch;
  report["epochs_measured"] = foresight.epochs_measured;
  report["definition"] = study_definition(definition).attributes;
  report["trials_done"] = num_done ? nlohmann::json(*num_done) : nlohmann::json();
  report["seconds"] = command.num_trials > 0 ? nlohmann::json(seconds) : nlohmann::json();
  write_report(command.common.json, report);
  return 0;
}

int search(const SearchCommand& command) {
  const CommonOptions& common = command.common;
  parse_model(common.model);
  check_seeds(common.seed, std::max(kConfirmationSeeds + static_cast<uint64_t>(command.answer.repeats - 1),
                                    static_cast<uint64_t>(command.trial_repeats - 1) * kRepeatSeeds + kMaxTrials));
  SearchDefinition definition = definition_of(command);
  const std::unique_ptr<Searcher> searcher = make_searcher(definition, command.num_trials);
  reserve_report(common.json);
  require_writable("--report", command.report);
  const TrainerOptions options = trainer_options_of(
      definition,
      trainer_options(common, command.trial_repeats * (command.slots > 0 ? command.slots : searcher->num_at_once())));
  check_batch_size(definition);
  check_search_options(search_options(definition, command.num_trials), *searcher);
  Dataset dataset = load_on_all_ranks(common);
  report_others(dataset, common.quiet);
  // The name does not say which images there are: a study goes on only with the same ones.
  definition.dataset_contents = dataset.contents;
  definition.image_size = fmt::format("{}x{}", dataset.train.height, dataset.train.width);
  const int64_t num_classes = dataset.num_classes;
  report_rounding(definition.base, common);
  const TrainingData data = training_data(std::move(dataset), options.device, false);
  if (common.dry_run) return foresee_search(command, definition, *searcher, data, options);
  foresee_largest(command, definition, data, options);  // before hours of trials, and before there is a study
  Study study = Study::create_or_open(command.study, study_definition(definition));
  const StudyLock lock(study.path(), study.name());
  if (!common.quiet) print_plan(command, definition, *searcher, options);
  RecordedRun recorded(study, "search", options.device, command.num_trials);
  const int number = run_search(command, definition, *searcher, study, data, options, num_classes);
  recorded.end(number);
  write_page(command, study);
  return number == 0 ? 0 : 128 + number;  // as shells report a program that a signal ended
}

}  // namespace

Run add_search(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("search", "search the noise settings with a particle swarm");
  const std::shared_ptr<SearchCommand> command = add_search_options(*sub);
  return [command, sub] {
    command->algorithm = resolved_algorithm(*command);
    refuse_options_of_others(*sub, searcher_info(command->algorithm));
    command->answer.quiet = command->common.quiet;
    return search(*command);
  };
}

}  // namespace murmur::app
