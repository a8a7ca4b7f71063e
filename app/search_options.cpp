#include <fmt/format.h>

#include <algorithm>

#include "app/search_command.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

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
    return app.add_option_function<double>(name, keep, help)->check(decimal())->default_str(otherwise.dump());
  }
  return app.add_option_function<int64_t>(name, keep, help)
      ->transform(whole_number(option.low, option.high))
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
      ->transform(whole_number(1, 1000000))
      ->capture_default_str()
      ->needs(prune);
  app.add_option("--prune-factor", options.factor,
                 "halving, hyperband: epochs of a rung to those of the one before; one in so many goes on")
      ->transform(whole_number(2, 1000))
      ->capture_default_str()
      ->needs(prune);
  app.add_option("--prune-startup", options.startup_trials, "median: complete trials to compare with")
      ->transform(whole_number(1, kMaxTrials))
      ->capture_default_str()
      ->needs(prune);
}

void add_answer_options(CLI::App& app, AnswerOptions& answer) {
  constexpr int64_t kMost = int64_t{1} << 20;
  app.add_option("--confirm", answer.confirm,
                 "best trials to train again at the end and rank; the first is tested (0: none, the best is tested)")
      ->transform(whole_number(0, kMost))
      ->capture_default_str();
  app.add_option("--repeats", answer.repeats, "trainings of each in the confirmation and in the final test")
      ->transform(whole_number(1, kMost))
      ->capture_default_str();
  app.add_option("--final-epochs", answer.num_epochs,
                 "epochs of these trainings (0: --epochs); the schedules are transferred")
      ->transform(whole_number(0, 1000000))
      ->capture_default_str();
}

}  // namespace

void refuse_options_of_others(const CLI::App& app, const SearcherInfo& info) {
  for (const SearcherInfo& other : searchers()) {
    for (const SearcherOption& option : other.options) {
      const bool is_own = std::ranges::find(info.options, option.name, &SearcherOption::name) != info.options.end();
      if (is_own || app.get_option("--" + std::string(option.name))->count() == 0) continue;
      throw InvalidArgument("--{}: expected --algorithm {} with it, got {}", option.name, other.name, info.name);
    }
  }
}

std::shared_ptr<SearchCommand> add_search_options(CLI::App& app) {
  auto command = std::make_shared<SearchCommand>();
  app.add_option("--study", command->study, "study file (SQLite, Optuna's schema); an existing one is continued")
      ->required();
  app.add_option("--name", command->study_name, "the study's name")->capture_default_str();
  std::vector<std::string> algorithms;
  for (const SearcherInfo& info : searchers()) algorithms.emplace_back(info.name);
  algorithms.emplace_back(kAutoAlgorithm);
  app.add_option("--algorithm", command->algorithm, algorithm_help())
      ->check(CLI::IsMember(algorithms))
      ->capture_default_str();
  app.add_option("--trials", command->num_trials,
                 "trials in all, those of stage one too (0: until --patience ends the search)")
      ->transform(whole_number(0, kMaxTrials))
      ->capture_default_str();
  app.add_option("--timeout", command->timeout,
                 "seconds after which the search ends at an epoch's end, and confirms and tests what it has found; the "
                 "same command goes on (0: none)")
      ->check(number(0, 1e9))
      ->capture_default_str();
  add_searcher_options(app, command->searcher);
  app.add_option("--slots", command->slots,
                 "networks trained at once (0: one a particle, or as many as the algorithm asks for at once)")
      ->transform(whole_number(0, int64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--abort-below", command->abort_below,
                 "abort a trial whose validation accuracy is below this after an epoch")
      ->check(number(0, 1))
      ->capture_default_str();
  add_pruner_options(app, command->prune, command->pruner);
  app.add_option("--trial-repeats", command->trial_repeats,
                 "trainings of a candidate, side by side, each with a seed of its own; the search is told their mean")
      ->transform(whole_number(1, 1000))
      ->capture_default_str();
  app.add_flag("--same-seeds", command->same_seeds, "train all candidates, and the baseline, with the same seeds");
  app.add_flag("--synchronous", command->synchronous,
               "in an mpirun: ranks wait for each other at each epoch's end, and the study does not depend on their "
               "number (docs/clusters.md)");
  app.add_flag("--dry-run", command->common.dry_run,
               "say what it would search, and what memory and time that takes; write nothing");
  add_answer_options(app, command->answer);
  app.add_option("--report", command->report, "at the end write the page that `murmur report` writes to this file");
  add_common_options(app, command->common, 20);
  app.get_option("--init")->check(CLI::IsMember(initialization_names()));
  app.add_option("--search", command->search,
                 "techniques to search, or groups of them: all (default, the study's 22), data, network, optimization; "
                 "dropout:0:0.2 and learning_rate:1e-3:1e-1:log have a range of their own, optimizer=sgd|adam some "
                 "values; with :on never off, with @optimizer=adam only there; the others keep --set or off")
      ->delimiter(',');
  app.add_option("--start", command->start,
                 "the first candidates, repeatable: off (default; everything off, or as --set says), none (with "
                 "--paper), a TOML or JSON file of settings, STUDY:TRIAL or STUDY:best")
      ->allow_extra_args(false);
  app.add_option("--off-probability", command->off_probability,
                 "of a noise or schedule to be exactly off at a random position; 0: off is a point of its range")
      ->check(number(0, 0.9))
      ->capture_default_str();
  return command;
}

}  // namespace murmur::app
