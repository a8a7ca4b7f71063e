#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iterator>

#include "app/accuracy_text.hpp"
#include "app/analysis_report.hpp"
#include "app/cluster.hpp"
#include "app/commands.hpp"
#include "app/dry_run.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/signals.hpp"
#include "app/terminal.hpp"
#include "app/train_command.hpp"
#include "app/trainings.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/analysis/baseline_settings.hpp"
#include "murmur/pso/final_test.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/trainings.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMostTrainings = int64_t{1} << 20;
constexpr int64_t kMostOn = 4;  // techniques of a sparse setting
constexpr double kLevel = 0.05;

struct BaselineCommand {
  CommonOptions common;
  int64_t levels = 3;
  int64_t num_sparse = 0;
  int64_t seeds = 5;
  int64_t slots = 32;
  bool with_commands = false;
  std::vector<std::string> data_words;  // of a command that trains a row again
};

/// One row of the table: a setting, all off first.
struct Row {
  std::string label;
  Setting setting;
  std::vector<double> accuracies{};  // one a seed; NaN: diverged
  PairedDifference difference{};     // to all off; its interval with Holm's confidence
  double adjusted_p = 1;
  std::string command{};
};

/// The setting as the command line would make it: where that has no learning rate, an optimizer has its own.
Setting as_given(const CommonOptions& common, const Setting& base, const Setting& setting) {
  std::vector<std::string> assignments = common.set;
  const std::vector<std::string> words = set_words(base, setting);
  for (size_t i = 1; i < words.size(); i += 2) assignments.push_back(words[i]);
  return parse_settings(assignments, definitions_of(common));
}

std::vector<Row> rows_of(const BaselineCommand& command, const SearchDefinition& search) {
  const CommonOptions& common = command.common;
  const Setting& base = search.base;
  const SearchSpace space = SearchSpace::all();
  std::vector<BaselineSetting> settings = single_settings(space, base, command.levels);
  std::ranges::move(sparse_settings(space, base, command.num_sparse, kMostOn, common.seed),
                    std::back_inserter(settings));
  std::vector<Row> rows{{std::string(baseline_name(search)), base}};
  for (const BaselineSetting& row : settings) rows.push_back({row.label, as_given(common, base, row.setting)});
  return rows;
}

/// Seed after seed, so that all rows have equally many when it is stopped.
std::vector<Training> trainings_of(const BaselineCommand& command, const std::vector<Row>& rows) {
  std::vector<Training> trainings;
  for (int64_t i = 0; i < command.seeds; ++i) {
    const uint64_t seed = command.common.seed + static_cast<uint64_t>(i);
    for (const Row& row : rows) trainings.push_back({row.setting, seed});
  }
  if (static_cast<int64_t>(trainings.size()) > kMostTrainings) {
    throw InvalidArgument("baseline: expected at most {} trainings, got {} settings with {} seeds each", kMostTrainings,
                          rows.size(), command.seeds);
  }
  return trainings;
}

void compare(std::vector<Row>& rows) {
  const std::vector<double> off = rows.front().accuracies;
  std::vector<double> p;
  for (Row& row : rows) {
    row.difference = paired_difference(row.accuracies, off);
    if (&row != rows.data()) p.push_back(row.difference.p);
  }
  const std::vector<double> adjusted = holm(p);
  const std::vector<double> confidences = holm_confidences(p, kLevel);
  for (size_t i = 1; i < rows.size(); ++i) {
    rows[i].adjusted_p = adjusted[i - 1];
    if (std::isnan(confidences[i - 1])) continue;
    rows[i].difference = paired_difference(rows[i].accuracies, off, confidences[i - 1]);
  }
}

/// What `murmur train` has without --set, its learning rate the one that this row's optimizer has.
Setting otherwise(const CommonOptions& common, const Setting& setting) {
  const TechniqueInfo& optimizer = technique(Technique::kOptimizer);
  const std::string assignment = fmt::format("{}={}", optimizer.key, format_value(optimizer, setting[optimizer.id]));
  Setting result = parse_settings({assignment}, definitions_of(common));
  result.set(optimizer.id, optimizer.off);
  return result;
}

void add_commands(const BaselineCommand& command, std::vector<Row>& rows) {
  for (Row& row : rows) {
    std::vector<std::string> words{"murmur", "train"};
    words.insert(words.end(), command.data_words.begin(), command.data_words.end());
    words.insert(words.end(), {"--epochs", std::to_string(command.common.epochs), "--networks",
                               std::to_string(command.seeds), "--seed", std::to_string(command.common.seed)});
    const std::vector<std::string> set = set_words(otherwise(command.common, row.setting), row.setting);
    words.insert(words.end(), set.begin(), set.end());
    row.command = shell_line(words);
  }
}

std::string interval_text(const Interval& interval) {
  if (std::isnan(interval.low)) return "-";
  return fmt::format("{:+.1f} {:+.1f}", 100 * interval.low, 100 * interval.high);
}

void print_table(const BaselineCommand& command, const std::vector<Row>& rows) {
  fmt::print("{} seeds of {} epochs, validation accuracy ± standard error;\nwhat a row gives over {}\n\n",
             command.seeds, command.common.epochs, rows.front().label);
  fmt::print("{:<27} {:>14} {:>14} {:>13}\n", "", "accuracy", "gives, points", "interval");
  for (const Row& row : rows) {
    const bool is_first = &row == rows.data();
    fmt::print("{:<27} {:>14} {:>14} {:>13}{}{}\n", row.label, accuracy_percent_text(row.accuracies),
               is_first ? "" : points_text(row.difference), is_first ? "" : interval_text(row.difference.interval),
               is_first ? "" : " ", is_first ? "" : word_of(row.difference, row.adjusted_p));
    if (!row.label.starts_with("sparse")) continue;
    for (const TechniqueInfo& info : techniques()) {
      if (row.setting.agrees(rows.front().setting, info.id)) continue;
      fmt::print("    {}\n", format_assignment(row.setting, info.id));
    }
  }
  fmt::print("\nintervals hold together with 95 % (Holm); a row helps or hurts where its own\nleaves out 0\n");
}

Json baseline_json(const BaselineCommand& command, const std::vector<Row>& rows, const TrainerOptions& options) {
  Json report = report_head("baseline");
  Json table = Json::array();
  for (const Row& row : rows) {
    table.push_back({{"label", row.label},
                     {"setting", setting_json(row.setting, SettingPart::kNotOff)},
                     {"accuracies", accuracies_json(row.accuracies)},
                     {"command", row.command}});
    if (&row == rows.data()) continue;
    table.back().update({{"difference", finite_or_null(row.difference.difference)},
                         {"standard_error", finite_or_null(row.difference.standard_error)},
                         {"interval", interval_json(row.difference.interval)},
                         {"p", finite_or_null(row.difference.p)},
                         {"adjusted_p", finite_or_null(row.adjusted_p)}});
  }
  report.update(running_json(options));
  report.update({{"dataset", command.common.dataset},
                 {"model", command.common.model},
                 {"epochs", command.common.epochs},
                 {"first_seed", std::to_string(command.common.seed)},
                 {"rows", table}});
  return report;
}

/// "baseline: 107 settings with 5 seeds each, 20 epochs, on cpu: ..."
std::string plan_text(const BaselineCommand& command, size_t num_settings, const TrainerOptions& options) {
  return fmt::format("baseline: {} on {}, {} with {} each, {}, on {}: {}", printable(command.common.model),
                     command.common.dataset, counted(num_settings, "setting"), counted(command.seeds, "seed"),
                     counted(command.common.epochs, "epoch"), options.device.name(), describe(options.device));
}

/// What the trainings would take; nothing is written.
int foresee_baseline(const BaselineCommand& command, const SearchDefinition& search, const TrainingData& data,
                     const TrainerOptions& options, size_t num_settings) {
  const Foresight foresight =
      foresee(parse_model(search.model), data, options, search.base, command.common.seed, command.common.epochs);
  const double num_epochs =
      static_cast<double>(num_settings) * static_cast<double>(command.seeds * command.common.epochs);
  const double seconds = foresight.seconds_per_epoch / static_cast<double>(options.num_networks) * num_epochs;
  fmt::print("{}\nmemory   {}\ntime     about {}; {}\n", plan_text(command, num_settings, options),
             memory_text(foresight), format_duration(seconds), time_text(foresight));
  Json report = report_head("dry-run");
  report.update(running_json(options));
  report.update(foresight_json(foresight));
  report.update(
      {{"settings", num_settings}, {"seeds", command.seeds}, {"epochs", command.common.epochs}, {"seconds", seconds}});
  write_report(command.common.json, report);
  return 0;
}

int baseline(const BaselineCommand& command) {
  const CommonOptions& common = command.common;
  const SearchDefinition search = definition_of(common);
  check_seeds(common.seed, static_cast<uint64_t>(command.seeds - 1));
  reserve_report(common.json);
  std::vector<Row> rows = rows_of(command, search);
  const std::vector<Training> trainings = trainings_of(command, rows);
  const TrainerOptions options = trainer_options(common, command.slots);
  const TrainingData data = training_data(load_on_all_ranks(common), options.device);
  if (common.dry_run) return foresee_baseline(command, search, data, options, rows.size());
  if (!common.quiet) say(plan_text(command, rows.size(), options));
  const SignalWatch watch;
  TrainingsLine line("baseline", common.quiet);
  const auto outcomes = unless_stopped([&] {
    return run_trainings(search, data, options, trainings, {common.epochs, command.slots, 0}, std::ref(line));
  });
  if (!outcomes) {
    fmt::print("stopped; nothing is kept\n");
    return 128 + SignalWatch::seen();  // as shells report a program that a signal ended
  }
  for (size_t i = 0; i < outcomes->size(); ++i) {
    rows[i % rows.size()].accuracies.push_back((*outcomes)[i].validation_accuracy);
  }
  compare(rows);
  add_commands(command, rows);
  print_table(command, rows);
  if (command.with_commands) {
    fmt::print("\nto train a row again:\n");
    for (const Row& row : rows) fmt::print("{}\n  {}\n", row.label, row.command);
  }
  write_report(common.json, baseline_json(command, rows, options));
  return 0;
}

/// What the command line says of the training, for another command.
std::vector<std::string> data_words(const CLI::App& app) {
  constexpr std::array<const char*, 10> kNames{"--dataset",      "--data",          "--image-size", "--train-images",
                                               "--model",        "--micro-batch",   "--init",       "--dropconnect-on",
                                               "--contrast-per", "--shuffle-window"};
  std::vector<std::string> words;
  for (const char* name : kNames) {
    const CLI::Option* option = app.get_option(name);
    if (option->count() > 0) words.insert(words.end(), {name, option->results().back()});
  }
  const CLI::Option* reduction = app.get_option("--loss-reduction");
  if (reduction->count() > 0) words.insert(words.end(), {"--loss-reduction", reduction->results().back()});
  if (app.count("--paper") > 0) words.emplace_back("--paper");
  return words;
}

}  // namespace

Run add_baseline(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("baseline", "what needs no search: all off, each technique alone, sparse random");
  auto command = std::make_shared<BaselineCommand>();
  sub->add_option("--levels", command->levels, "levels of each technique, evenly over its range; choices: all")
      ->transform(whole_number(1, 1000))
      ->capture_default_str();
  sub->add_option("--sparse-random", command->num_sparse, "random settings with at most 4 techniques on")
      ->transform(whole_number(0, kMostTrainings))
      ->capture_default_str();
  sub->add_option("--seeds", command->seeds, "trainings of each setting, the same seeds for all, from --seed on")
      ->transform(whole_number(2, 10000))
      ->capture_default_str();
  sub->add_option("--slots", command->slots, "networks trained at once; changes no result")
      ->transform(whole_number(1, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_flag("--dry-run", command->common.dry_run,
                "say what it would train, and what memory and time that takes; write nothing");
  sub->add_flag("--commands", command->with_commands,
                "print the command that trains each row again; --json has it too");
  add_common_options(*sub, command->common, 20);
  sub->get_option("--init")->check(CLI::IsMember(initialization_names()));
  return [command, sub] {
    command->data_words = data_words(*sub);
    return baseline(*command);
  };
}

}  // namespace murmur::app
