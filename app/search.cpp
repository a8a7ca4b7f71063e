#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/cluster.hpp"
#include "app/commands.hpp"
#include "app/final_test.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/report/document.hpp"
#include "app/runs.hpp"
#include "app/signals.hpp"
#include "app/starts.hpp"
#include "app/terminal.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/study_lock.hpp"

namespace murmur::app {
namespace {

struct SearchCommand {
  CommonOptions common;
  std::string study;
  std::string study_name = "murmur";
  std::vector<std::string> search;
  std::vector<std::string> start;  // empty: off, or with --paper none
  double off_probability = DimensionDefaults{}.off_probability;
  std::string algorithm = "swarm";
  nlohmann::json searcher = nlohmann::json::object();  // options of the algorithm that were given
  int64_t num_trials = 0;
  double abort_below = SearchOptions{}.abort_below;
  std::string prune{kPrunerNames.front()};
  PrunerOptions pruner;
  int64_t slots = 0;  // 0: as many as the algorithm evaluates at once
  int64_t trial_repeats = 1;
  bool same_seeds = false;
  bool synchronous = false;
  AnswerOptions answer;
  std::string report;  // empty: none
};

/// The techniques of a group of the study, or of `all` groups; none where the word is no group.
std::vector<Technique> group_of(const std::string& word) {
  const auto group = static_cast<size_t>(std::ranges::find(kCategories, word) - kCategories.begin());
  std::vector<Technique> ids;
  for (const TechniqueInfo& info : techniques().first<kNumStudyTechniques>()) {
    if (word == "all" || info.category == static_cast<Category>(group)) ids.push_back(info.id);
  }
  return ids;
}

/// The dimensions of the words of --search. One that is named itself counts before those of groups.
SearchSpace space_of(const SearchCommand& command, const DimensionDefaults& defaults) {
  const std::vector<std::string> all{"all"};
  std::vector<Dimension> dimensions, named;
  for (const std::string& word : command.search.empty() ? all : command.search) {
    const std::vector<Technique> ids = group_of(word);
    if (ids.empty()) named.push_back(parse_dimension(word, defaults));
    for (const Technique id : ids) dimensions.push_back(default_dimension(id, defaults));
  }
  for (const Dimension& dimension : named) {
    const auto found = std::ranges::find(dimensions, dimension.id, &Dimension::id);
    const bool is_of_group = found != dimensions.end() && std::ranges::count(named, dimension.id, &Dimension::id) == 1;
    if (is_of_group) {
      *found = dimension;
    } else {
      dimensions.push_back(dimension);
    }
  }
  return SearchSpace(std::move(dimensions));
}

/// What an existing study stores under a key; null where there is no such study.
nlohmann::json stored_attribute(const SearchCommand& command, const std::string& key) {
  if (!std::filesystem::exists(command.study)) return {};
  try {
    const Attributes stored = Study::open_read_only(command.study, command.study_name).attributes();
    const auto found = stored.find(key);
    return found == stored.end() ? nlohmann::json() : found->second;
  } catch (const StudyError&) {
    return {};  // opening it for writing will say why
  }
}

/// The algorithm that `auto` stands for: the study's own, else that which suits the number of trials.
std::string resolved_algorithm(const SearchCommand& command) {
  if (command.algorithm != kAutoAlgorithm) return command.algorithm;
  const nlohmann::json stored = stored_attribute(command, "algorithm");
  return stored.is_string() ? stored.get<std::string>() : std::string(algorithm_by_budget(command.num_trials));
}

/// The options of the algorithm. What depends on the number of trials stays as it is when a study goes on with more.
nlohmann::json searcher_options(const SearchCommand& command) {
  if (command.common.paper) return command.searcher;
  nlohmann::json options = budget_options(searcher_info(command.algorithm), command.searcher, command.num_trials);
  const nlohmann::json stored = stored_attribute(command, command.algorithm);
  for (auto option = options.begin(); option != options.end(); ++option) {
    const std::string& key = option.key();
    if (!command.searcher.contains(key) && stored.contains(key)) option.value() = stored.at(key);
  }
  return options;
}

/// What the command line defines; the data set adds its own.
SearchDefinition definition_of(const SearchCommand& command) {
  const CommonOptions& common = command.common;
  SearchDefinition search = definition_of(common);
  search.name = command.study_name;
  search.abort_below = command.abort_below;
  search.pruner = command.pruner;
  search.pruner.kind = parse_pruner_kind(command.prune);
  search.trial_repeats = command.trial_repeats;
  search.same_seeds = command.same_seeds;
  search.space = space_of(command, {search.definitions.loss_reduction, command.off_probability});
  const std::vector<std::string> starts{common.paper ? "none" : "off"};
  search.starts = read_starts(command.start.empty() ? starts : command.start, search.space, search.base);
  search.algorithm = command.algorithm;
  search.options = searcher_options(command);
  // The same seeds would give the same fitness again.
  if (command.same_seeds && search.options.value("reevaluate", 1) > 1) {
    throw InvalidArgument("--reevaluate: expected trials with seeds of their own, got --same-seeds");
  }
  return search;
}

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
  say(fmt::format("goes on with the study {} from {} trials ({}){}", study.path().string(), now.num_told, outcome(now),
                  num_again > 0 ? fmt::format("; {} that had not ended: trained again", num_again) : ""));
}

/// The signal that stopped the search, 0 when it ran to its end. A second one stops it in the middle of an epoch, which
/// the study then knows nothing of.
int run(SearchDriver& driver, const SearchCommand& command, int64_t epoch_size) {
  Progress progress(command.common.quiet, [&](double share) {
    return progress_line(driver.progress(), command, epoch_size, share, progress.elapsed_seconds());
  });
  const SignalWatch watch;
  try {
    while (SignalWatch::seen() == 0 && driver.step()) progress.update();
  } catch (const Stopped&) {
    return SignalWatch::seen();
  }
  if (driver.progress().num_images > 0) progress.update(true);
  return SignalWatch::seen();
}

/// "search: fc on mnist, 22 dimensions, 22 particles in 22 slots, 300 trials of 20 epochs, on cpu: ..."
void print_plan(const SearchCommand& command, const SearchDefinition& search, const Searcher& searcher,
                const TrainerOptions& options) {
  const std::string trials = command.num_trials > 0 ? fmt::format("{} trials", command.num_trials) : "trials";
  say(fmt::format("search: {} on {}, {} dimensions, {} in {} slots, {} of {} epoch{}, on {}{}: {}", search.model,
                  search.dataset, search.space.num_dimensions(), searcher.describe(),
                  options.num_networks / search.trial_repeats, trials, search.num_epochs,
                  search.num_epochs == 1 ? "" : "s",
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
  const int number = run(driver, command, search.trial_repeats * trainer->epoch_size());
  return {driver.progress(), number};
}

/// The signal that stopped it, 0 for none.
int answer_search(const SearchCommand& command, const SearchDefinition& definition, const SearchProgress& progress,
                  Study& study, const TrainingData& data, const TrainerOptions& options) {
  const std::string path = std::filesystem::absolute(command.study).string();
  const Answer answer = find_answer(command.answer, definition, study, data, options);
  fmt::print("{}", answer_text(answer, study, definition, terminal_width(STDOUT_FILENO)));
  if (answer.signal != 0) {
    fmt::print("stopped in the {}; what is finished is in the study {}; the same command goes on from there\n",
               command.answer.confirm > 0 && !answer.confirmation ? "confirmation" : "final test", path);
    return answer.signal;
  }
  fmt::print("{} trials ({}) in the study {}\n", progress.num_told, outcome(progress), path);
  nlohmann::json report = report_head("search");
  report.update(running_json(options));
  report["study"] = study.path().string();
  report.update(to_json(answer, study, definition));
  write_report(command.common.json, report);
  return 0;
}

/// Trials, and where no signal stopped them the answer. The signal that stopped it, 0 for none.
int run_search(const SearchCommand& command, const SearchDefinition& definition, Searcher& searcher, Study& study,
               const TrainingData& data, const TrainerOptions& options, int64_t num_classes) {
  const auto [progress, number] = train_trials(command, definition, searcher, study, data, options);
  if (number != 0) {
    fmt::print("stopped after {} trials, which are in the study {}; the same command goes on from there\n",
               progress.num_told, std::filesystem::absolute(command.study).string());
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
  fmt::print("the report: {}\n", command.report);
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
  Study study = Study::create_or_open(command.study, study_definition(definition));
  const StudyLock lock(study.path(), study.name());
  if (!common.quiet) print_plan(command, definition, *searcher, options);
  RecordedRun recorded(study, "search", options.device, command.num_trials);
  const int number = run_search(command, definition, *searcher, study, data, options, num_classes);
  recorded.end(number);
  write_page(command, study);
  return number == 0 ? 0 : 128 + number;  // as shells report a program that a signal ended
}

/// Adds an option whose value goes to `given` under its key.
CLI::Option* add_searcher_option(CLI::App& app, const SearcherOption& option, nlohmann::json& given) {
  const std::string name = "--" + std::string(option.name);
  const std::string help(option.help);
  const auto keep = [&given, key = option.key()](const auto& value) { given[key] = value; };
  const nlohmann::json& otherwise = option.otherwise;
  if (otherwise.is_boolean())
    return app.add_flag_function(
        name, [keep](int64_t count) { keep(count > 0); }, help);
  if (otherwise.is_string()) {
    const std::vector<std::string> choices(option.choices.begin(), option.choices.end());
    return app.add_option_function<std::string>(name, keep, help)
        ->check(CLI::IsMember(choices))
        ->default_str(otherwise.get<std::string>());
  }
  if (otherwise.is_number_float()) {
    return app.add_option_function<double>(name, keep, help)->default_str(otherwise.dump());
  }
  return app.add_option_function<int64_t>(name, keep, help)
      ->check(whole_number(option.low, option.high))
      ->default_str(otherwise.dump());
}

/// The options of all searchers; those of one name are one option.
void add_searcher_options(CLI::App& app, nlohmann::json& given) {
  for (const SearcherInfo& info : searchers()) {
    for (const SearcherOption& option : info.options) {
      const std::string name = "--" + std::string(option.name);
      if (app.get_option_no_throw(name) != nullptr) continue;
      CLI::Option* added = add_searcher_option(app, option, given);
      if (!option.needs.empty()) added->needs(app.get_option("--" + std::string(option.needs)));
    }
  }
}

/// Throws where an option was given that the algorithm does not have.
void refuse_options_of_others(const CLI::App& app, const SearcherInfo& info) {
  for (const SearcherInfo& other : searchers()) {
    for (const SearcherOption& option : other.options) {
      const bool is_own = std::ranges::find(info.options, option.name, &SearcherOption::name) != info.options.end();
      if (is_own || app.get_option("--" + std::string(option.name))->count() == 0) continue;
      throw InvalidArgument("--{}: expected --algorithm {} with it, got {}", option.name, other.name, info.name);
    }
  }
}

/// "swarm, a particle swarm; random, uniform settings"
std::string algorithm_help() {
  std::string text;
  for (const SearcherInfo& info : searchers()) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", info.name, info.help);
  }
  return text + fmt::format("; {}: that which suits --trials", kAutoAlgorithm);
}

/// --prune and what the pruners have; those that have not been asked for are refused.
void add_pruner_options(CLI::App& app, std::string& kind, PrunerOptions& options) {
  const std::vector<std::string> kinds(kPrunerNames.begin(), kPrunerNames.end());
  CLI::Option* const prune = app.add_option("--prune", kind,
                                            "end trials early that others beat at the same epoch: median, halving "
                                            "(asynchronous successive halving), hyperband")
                                 ->check(CLI::IsMember(kinds))
                                 ->capture_default_str();
  app.add_option("--prune-after", options.min_epochs, "epochs that every trial is trained for; the first rung")
      ->check(whole_number(1, 1000000))
      ->capture_default_str()
      ->needs(prune);
  app.add_option("--prune-factor", options.factor,
                 "halving, hyperband: epochs of a rung to those of the one before; one in so many goes on")
      ->check(whole_number(2, 1000))
      ->capture_default_str()
      ->needs(prune);
  app.add_option("--prune-startup", options.startup_trials, "median: complete trials to compare with")
      ->check(whole_number(1, kMaxTrials))
      ->capture_default_str()
      ->needs(prune);
}

void add_answer_options(CLI::App& app, AnswerOptions& answer) {
  constexpr int64_t kMost = int64_t{1} << 20;
  app.add_option("--confirm", answer.confirm,
                 "best trials to train again at the end and rank; the first is tested (0: none, the best is tested)")
      ->check(whole_number(0, kMost))
      ->capture_default_str();
  app.add_option("--repeats", answer.repeats, "trainings of each in the confirmation and in the final test")
      ->check(whole_number(1, kMost))
      ->capture_default_str();
  app.add_option("--final-epochs", answer.num_epochs,
                 "epochs of these trainings (0: --epochs); the schedules are transferred")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
}

}  // namespace

Run add_search(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("search", "search the noise settings with a particle swarm");
  auto command = std::make_shared<SearchCommand>();
  sub->add_option("--study", command->study, "study file (SQLite, Optuna's schema); an existing one is continued")
      ->required();
  sub->add_option("--name", command->study_name, "the study's name")->capture_default_str();
  std::vector<std::string> algorithms;
  for (const SearcherInfo& info : searchers()) algorithms.emplace_back(info.name);
  algorithms.emplace_back(kAutoAlgorithm);
  sub->add_option("--algorithm", command->algorithm, algorithm_help())
      ->check(CLI::IsMember(algorithms))
      ->capture_default_str();
  sub->add_option("--trials", command->num_trials,
                  "trials in all, those of stage one too (0: until --patience ends the search)")
      ->check(whole_number(0, kMaxTrials))
      ->capture_default_str();
  add_searcher_options(*sub, command->searcher);
  sub->add_option("--slots", command->slots,
                  "networks trained at once (0: one a particle, or as many as the algorithm asks for at once)")
      ->check(whole_number(0, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_option("--abort-below", command->abort_below,
                  "abort a trial whose validation accuracy is below this after an epoch")
      ->check(number(0, 1))
      ->capture_default_str();
  add_pruner_options(*sub, command->prune, command->pruner);
  sub->add_option("--trial-repeats", command->trial_repeats,
                  "trainings of a candidate, side by side, each with a seed of its own; the search is told their mean")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  sub->add_flag("--same-seeds", command->same_seeds, "train all candidates, and the baseline, with the same seeds");
  sub->add_flag("--synchronous", command->synchronous,
                "in an mpirun: ranks wait for each other at each epoch's end, and the study does not depend on their "
                "number (docs/clusters.md)");
  add_answer_options(*sub, command->answer);
  sub->add_option("--report", command->report, "at the end write the page that `murmur report` writes to this file");
  add_common_options(*sub, command->common, 20);
  sub->get_option("--init")->check(CLI::IsMember({"scale", "he", "glorot"}));
  sub->add_option(
         "--search", command->search,
         "techniques to search, or groups of them: all (default, the study's 22), data, network, optimization; "
         "dropout:0:0.2 and learning_rate:1e-3:1e-1:log have a range of their own, optimizer=sgd|adam some "
         "values; with :on never off, with @optimizer=adam only there; the others keep --set or off")
      ->delimiter(',');
  sub->add_option("--start", command->start,
                  "the first candidates, repeatable: off (default; everything off, or as --set says), none (with "
                  "--paper), a TOML or JSON file of settings, STUDY:TRIAL or STUDY:best")
      ->allow_extra_args(false);
  sub->add_option("--off-probability", command->off_probability,
                  "of a noise or schedule to be exactly off at a random position; 0: off is a point of its range")
      ->check(number(0, 0.9))
      ->capture_default_str();
  return [command, sub] {
    command->algorithm = resolved_algorithm(*command);
    refuse_options_of_others(*sub, searcher_info(command->algorithm));
    command->answer.quiet = command->common.quiet;
    return search(*command);
  };
}

}  // namespace murmur::app
