#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "app/commands.hpp"
#include "app/final_test.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/study_trial.hpp"
#include "app/terminal.hpp"
#include "app/train_command.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_text.hpp"
#include "murmur/pso/final_test.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/study_export.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

struct StudyCommand {
  std::string action, file, to;
  std::string name, trial, format = "csv", output = "-", json;
};

/// How many trials are in which state, and the best.
struct Summary {
  std::string name;
  bool is_ours = true;
  int64_t num_trials = 0, num_complete = 0, num_pruned = 0, num_failed = 0, num_running = 0;
  std::optional<TrialRecord> best;
};

Summary summarize(const Study& study) {
  Summary summary{study.name(), true, 0, 0, 0, 0, 0, study.best_trial()};
  for (const TrialRecord& trial : study.trials()) {
    ++summary.num_trials;
    summary.num_complete += trial.state == TrialState::kComplete;
    summary.num_pruned += trial.state == TrialState::kPruned;
    summary.num_failed += trial.state == TrialState::kFail;
    summary.num_running += trial.state == TrialState::kRunning;
  }
  return summary;
}

Json summary_json(const Summary& summary) {
  if (!summary.is_ours) return {{"name", summary.name}, {"made_by_murmur", false}};
  Json best;
  if (summary.best) best = {{"trial", summary.best->number}, {"value", finite_or_null(summary.best->value)}};
  return {{"name", summary.name},           {"made_by_murmur", true},
          {"trials", summary.num_trials},   {"complete", summary.num_complete},
          {"pruned", summary.num_pruned},   {"failed", summary.num_failed},
          {"running", summary.num_running}, {"best", best}};
}

int list(const StudyCommand& command) {
  Json report = report_head("study-list");
  report["studies"] = Json::array();
  fmt::print("{:>7} {:>9} {:>8} {:>7} {:>8}  {:<16} study\n", "trials", "complete", "aborted", "failed", "running",
             "best");
  for (const std::string& name : study_names(command.file)) {
    Summary summary;
    summary.name = name;
    try {
      summary = summarize(Study::open_read_only(command.file, name));
    } catch (const StudyError&) {
      summary.is_ours = false;  // of another program, in a file that was read
    }
    report["studies"].push_back(summary_json(summary));
    if (!summary.is_ours) {
      fmt::print("{:>60}  {} (not made by murmur)\n", "", printable(name));
      continue;
    }
    const std::string best =
        summary.best ? fmt::format("{:.4f} ({})", summary.best->value, summary.best->number) : std::string("-");
    fmt::print("{:>7} {:>9} {:>8} {:>7} {:>8}  {:<16} {}\n", summary.num_trials, summary.num_complete,
               summary.num_pruned, summary.num_failed, summary.num_running, best, printable(name));
  }
  write_report(command.json, report);
  return 0;
}

Json trial_json(const Study& study, const TrialRecord& trial) {
  return {{"number", trial.number},
          {"state", trial_state_name(trial.state)},
          {"value", finite_or_null(trial.value)},
          {"seed", std::to_string(trial.seed)},
          {"setting", setting_json(trial.setting, SettingPart::kNotOff)},
          {"accuracies", accuracies_json(trial.intermediate)},
          {"attributes", trial.attributes},
          {"train_command", train_command(study, std::to_string(trial.number))}};
}

/// "dropout=0.1 optimizer=adam"; "all off".
std::string setting_words(const Setting& setting) {
  std::string text;
  const Json values = setting_json(setting, SettingPart::kNotOff);
  for (const auto& [key, value] : values.items()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text.empty() ? "all off" : text;
}

int show_trial(const StudyCommand& command, const Study& study) {
  const TrialRecord trial = chosen_trial(study, command.trial);
  fmt::print("trial {} of {}, {}\n", trial.number, printable(study.name()), trial_state_name(trial.state));
  if (!std::isnan(trial.value)) fmt::print("value {}\n", trial.value);
  fmt::print("seed {}\n", trial.seed);
  if (trial.started) fmt::print("started {:%Y-%m-%d %H:%M:%S} UTC\n", fmt::gmtime(*trial.started));
  if (trial.finished) fmt::print("finished {:%Y-%m-%d %H:%M:%S} UTC\n", fmt::gmtime(*trial.finished));
  fmt::print("setting {}\n", setting_words(trial.setting));
  for (size_t i = 0; i < trial.intermediate.size(); ++i) fmt::print("epoch {} {:.4f}\n", i + 1, trial.intermediate[i]);
  fmt::print("{}\n", train_command(study, std::to_string(trial.number)));
  Json report = report_head("study-show");
  report.update({{"study", command.file}, {"name", study.name()}, {"trial", trial_json(study, trial)}});
  write_report(command.json, report);
  return 0;
}

constexpr size_t kMaxShown = 10;  // of the best trials
constexpr size_t kMaxValue = 40;  // characters of an attribute that are shown

/// The verdict of the final test, where there was one.
void print_verdict(const Study& study) {
  if (!tested_trial(study)) return;
  const SearchDefinition search = search_definition(study);
  const std::optional<FinalTest> test = stored_final_test(study, search);
  if (!test) return;
  fmt::print(
      "{}", wrapped(fmt::format("trial {}: {}", test->winner.trial, verdict(test->difference(), baseline_name(search))),
                    terminal_width(STDOUT_FILENO)));
}

/// Each with what differs from the baseline, and how to train one again.
void print_best(const Study& study, const std::vector<TrialRecord>& best) {
  if (best.empty()) return;
  constexpr size_t kIndent = 9 + 2 + 10 + 2;
  const size_t width = std::max(terminal_width(STDOUT_FILENO), 2 * kIndent);
  fmt::print("{:>9}  {:>10}  {}\n", "trial", "validation", "setting");
  for (const TrialRecord& trial : best) {
    const std::string setting = describe_setting(study.base(), trial.setting);
    const std::string text = wrapped(setting.empty() ? "(the baseline)" : setting, width, kIndent, kIndent);
    fmt::print("{:>9}  {:>10.4f}  {}", trial.number, trial.value, text.substr(kIndent));
  }
  fmt::print("again (any trial):\n    {}\n", train_command(study, std::to_string(best.front().number)));
}

/// What was searched, and how: of the attributes those that are a word or a number (--json has all).
void print_definition(const Study& study, const Attributes& attributes) {
  fmt::print("base {}\n", setting_words(study.base()));
  for (const Dimension& dimension : study.space().dimensions()) {
    fmt::print("search {}\n", dimension_text(dimension));
  }
  for (const auto& [key, value] : attributes) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (value.is_primitive() && text.size() <= kMaxValue) fmt::print("{} {}\n", printable(key), printable(text));
  }
}

int show(const StudyCommand& command) {
  const Study study = Study::open_read_only(command.file, command.name);
  if (!command.trial.empty()) return show_trial(command, study);
  const Attributes attributes = study.attributes();
  const Summary summary = summarize(study);
  fmt::print("study {}: {}, {} complete, {} aborted, {} failed, {} running\n", printable(study.name()),
             counted(summary.num_trials, "trial"), summary.num_complete, summary.num_pruned, summary.num_failed,
             summary.num_running);
  std::vector<TrialRecord> trials = study.trials();
  std::erase_if(trials, [](const TrialRecord& trial) { return trial.state != TrialState::kComplete; });
  std::ranges::stable_sort(trials, std::greater(), &TrialRecord::value);
  if (trials.size() > kMaxShown) trials.resize(kMaxShown);
  print_verdict(study);
  print_best(study, trials);
  print_definition(study, attributes);
  Json best = Json::array();
  for (const TrialRecord& trial : trials) best.push_back(trial_json(study, trial));
  Json report = report_head("study-show");
  report.update({{"study", command.file},
                 {"name", study.name()},
                 {"attributes", attributes},
                 {"search_space", study.space().to_json()},
                 {"base_setting", setting_json(study.base())},
                 {"summary", summary_json(summary)},
                 {"best", best}});
  write_report(command.json, report);
  return 0;
}

int export_trials(const StudyCommand& command) {
  const Study study = Study::open_read_only(command.file, command.name);
  const auto format = std::ranges::find(kExportFormats, command.format) - kExportFormats.begin();
  std::string text;
  if (command.output != "-") require_writable("--output", command.output);
  export_study(study, static_cast<ExportFormat>(format), [&](std::string_view line) { text += line; });
  command.output == "-" ? fmt::print("{}", text) : write_file(command.output, text);
  return 0;
}

int copy(const StudyCommand& command) {
  if (command.to.empty()) throw InvalidArgument("study copy: expected the new file behind the study, got none");
  copy_studies(command.file, command.to);
  return 0;
}

int run_study(const StudyCommand& command) {
  if (command.action == "copy") return copy(command);
  if (!command.to.empty()) {
    throw InvalidArgument("study {}: expected one file, got '{}' too", command.action, command.to);
  }
  if (command.action == "export") return export_trials(command);
  reserve_report(command.json);
  return command.action == "list" ? list(command) : show(command);
}

}  // namespace

Run add_study(CLI::App& app) {
  CLI::App* sub = app.add_subcommand(
      "study", "what is in a study's file: list FILE, show FILE, export FILE, copy FILE TO (which may be in use)");
  auto command = std::make_shared<StudyCommand>();
  sub->add_option("action", command->action, "list the file's studies, show one, export its trials, or copy the file")
      ->check(CLI::IsMember({"list", "show", "export", "copy"}))
      ->required();
  sub->add_option("file", command->file, "study file")->required();
  sub->add_option("to", command->to, "of copy: the new file");
  sub->add_option("--name", command->name, "the study's name, where the file has several");
  sub->add_option("--trial", command->trial, "of show: a trial's number, best, or winner (of the final test)");
  sub->add_option("--format", command->format, "of export; paper is the layout of the study that this engine follows")
      ->check(CLI::IsMember({"csv", "jsonl", "optuna-journal", "paper"}))
      ->capture_default_str();
  sub->add_option("--output", command->output, "of export: a file; - is standard output")->capture_default_str();
  sub->add_option("--json", command->json, "of list and show: write the results to this file; - is standard output");
  return [command] { return run_study(*command); };
}

}  // namespace murmur::app
