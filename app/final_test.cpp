#include "app/final_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "app/accuracy_text.hpp"
#include "app/json_report.hpp"
#include "app/signals.hpp"
#include "app/terminal.hpp"
#include "app/train_command.hpp"
#include "app/trainings.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kNoSetting = "no complete trial differs from the baseline: nothing to test";
constexpr const char* kNoneIsStable = "no setting is stable in the confirmation: nothing to test";

/// A row; the setting is behind it where there is room, else below.
std::string row_text(const std::string& trial, const std::string& validation, const std::string& accuracy,
                     const std::string& setting, size_t width) {
  constexpr size_t kIndent = 11;
  const std::string row = fmt::format("{:>9}  {:>10}  {:>15}", trial, validation, accuracy);
  constexpr size_t kRowWidth = 9 + 2 + 10 + 2 + 15;
  if (setting.empty()) return row + "\n";
  if (kRowWidth + 2 + setting.size() <= width) return row + "  " + setting + "\n";
  return row + "\n" + wrapped(setting, width, kIndent, kIndent);
}

std::string trainings_text(size_t repeats, int64_t num_epochs) {
  return fmt::format("mean ± standard error of {} of {}", counted(repeats, "training"), counted(num_epochs, "epoch"));
}

/// The line that trains a row of a table again, with the table's seeds; trial -1: the baseline.
std::string again(const Study& study, int64_t trial, int64_t num_epochs, uint64_t first_seed, size_t num_networks,
                  bool on_all) {
  std::vector<std::string> more{"--epochs",   fmt::format("{}", num_epochs),  "--seed", fmt::format("{}", first_seed),
                                "--networks", fmt::format("{}", num_networks)};
  if (on_all) more.emplace_back("--train-on-all");
  return train_command(study, trial < 0 ? "baseline" : fmt::format("{}", trial), more);
}

std::string again(const Study& study, const Confirmation& confirmation, const ConfirmedRow& row) {
  return again(study, row.trial, confirmation.num_epochs, confirmation.first_seed, row.accuracies.size(), false);
}

std::string confirmation_text(const Confirmation& confirmation, const Study& study, const SearchDefinition& search,
                              size_t width) {
  const auto row = [&](const ConfirmedRow& confirmed) {
    std::string setting = confirmed.trial < 0 ? "" : describe_setting(search.base, confirmed.setting);
    if (!confirmed.fault.empty()) setting = fmt::format("({}) {}", confirmed.fault, setting);
    return row_text(confirmed.trial < 0 ? "baseline" : fmt::format("{}", confirmed.trial),
                    fmt::format("{:.4f}", confirmed.validation_accuracy),
                    confirmed.fault.empty() ? accuracy_text(confirmed.accuracies) : "unstable", setting, width);
  };
  std::string text = row_text("trial", "validation", "confirmed", "setting", width);
  for (const ConfirmedRow& confirmed : confirmation.rows) text += row(confirmed);
  text += row(confirmation.baseline);
  text += wrapped(fmt::format("validation: of the trial. confirmed: validation, {} on the training split. setting: "
                              "what differs from the baseline.",
                              trainings_text(confirmation.baseline.accuracies.size(), confirmation.num_epochs)),
                  width);
  if (confirmation.winner() != nullptr && !confirmation.beats_baseline()) {
    text += wrapped(
        fmt::format("no setting is better than {} in the confirmation; the best is tested", baseline_name(search)),
        width);
  }
  const ConfirmedRow& first = confirmation.rows.empty() ? confirmation.baseline : confirmation.rows.front();
  return text + fmt::format("again (any trial, or baseline):\n    {}\n\n", again(study, confirmation, first));
}

std::string test_text(const FinalTest& test, const Study& study, const SearchDefinition& search, bool is_confirmed,
                      size_t width) {
  std::string text = row_text("trial", "validation", "test", is_confirmed ? "" : "setting", width);
  for (const FinalRow* row : {&test.winner, &test.baseline}) {
    const bool is_baseline = row->trial < 0;
    text += row_text(is_baseline ? "baseline" : fmt::format("{}", row->trial),
                     fmt::format("{:.4f}", row->validation_accuracy), accuracy_text(row->test_accuracies),
                     is_confirmed || is_baseline ? "" : describe_setting(search.base, row->setting), width);
  }
  text += wrapped(fmt::format("test: {} on train + validation.",
                              trainings_text(test.winner.test_accuracies.size(), test.num_epochs)),
                  width);
  const std::string text_of_verdict = verdict(test.difference(), baseline_name(search));
  text += fmt::format("again (any trial, or baseline):\n    {}\n", final_test_command(test, study, test.winner.trial));
  return text + "\n" + wrapped(fmt::format("trial {}: {}", test.winner.trial, text_of_verdict), width);
}

Json row_json(int64_t trial, double validation_accuracy, const Setting& setting) {
  return {{"trial", trial < 0 ? Json(nullptr) : Json(trial)},
          {"validation_accuracy", finite_or_null(validation_accuracy)},
          {"setting", setting_json(setting)}};
}

/// The trial to test: of the confirmation, or the best.
std::optional<TrialRecord> trial_to_test(const Answer& answer, const Study& study) {
  if (answer.confirmation) {
    const ConfirmedRow* const winner = answer.confirmation->winner();
    return winner == nullptr ? std::nullopt : std::optional(study.trial(winner->trial));
  }
  const std::vector<TrialRecord> best = best_trials(study, 1);
  return best.empty() ? std::nullopt : std::optional(best.front());
}

}  // namespace

std::string describe_setting(const Setting& base, const Setting& setting) {
  std::string text;
  for (const TechniqueInfo& info : techniques()) {
    if (setting.agrees(base, info.id)) continue;
    const double value = setting[info.id];
    const NoiseSchedule& schedule = setting.schedule(info.id);
    text += fmt::format("{}{}={}{}", text.empty() ? "" : " ", info.key,
                        info.choices.empty() ? fmt::format("{:.4g}", value) : format_value(info, value),
                        schedule.is_constant() ? "" : "@" + format_noise_schedule(schedule));
  }
  return text;
}

std::string final_test_command(const FinalTest& test, const Study& study, int64_t trial) {
  return again(study, trial, test.num_epochs, test.first_seed, test.winner.test_accuracies.size(), true);
}

std::string why_not_tested(const Answer& answer) {
  return answer.confirmation && !answer.confirmation->rows.empty() ? kNoneIsStable : kNoSetting;
}

Json confirmation_json(const Confirmation& confirmation, const Study& study) {
  const auto row = [&](const ConfirmedRow& confirmed) {
    Json json = row_json(confirmed.trial, confirmed.validation_accuracy, confirmed.setting);
    json["accuracies"] = accuracies_json(confirmed.accuracies);
    json["mean"] = finite_or_null(mean(confirmed.accuracies));
    json["standard_error"] = finite_or_null(standard_error(confirmed.accuracies));
    json["command"] = again(study, confirmation, confirmed);
    json["unstable"] = confirmed.fault.empty() ? Json(nullptr) : Json(confirmed.fault);
    return json;
  };
  Json rows = Json::array();
  for (const ConfirmedRow& confirmed : confirmation.rows) rows.push_back(row(confirmed));
  return {{"epochs", confirmation.num_epochs},
          {"first_seed", confirmation.first_seed},
          {"baseline", row(confirmation.baseline)},
          {"rows", rows}};
}

Json verdict_json(const FinalTest& test, const SearchDefinition& search) {
  const PairedDifference difference = test.difference();
  return {{"trial", test.winner.trial},
          {"difference", finite_or_null(difference.difference)},
          {"standard_error", finite_or_null(difference.standard_error)},
          {"interval", {finite_or_null(difference.interval.low), finite_or_null(difference.interval.high)}},
          {"winner", {{"accuracies", accuracies_json(test.winner.test_accuracies)}}},
          {"baseline", {{"accuracies", accuracies_json(test.baseline.test_accuracies)}}},
          {"text", verdict(difference, baseline_name(search))}};
}

Answer find_answer(const AnswerOptions& options, const SearchDefinition& search, Study& study, const TrainingData& data,
                   const TrainerOptions& trainer) {
  Answer answer;
  const SignalWatch watch;
  if (options.confirm > 0 && !best_trials(study, 1).empty()) {
    TrainingsLine line("confirmation", options.quiet);
    answer.confirmation = unless_stopped([&] {
      return confirm(study, search, data, trainer,
                     {options.confirm, options.repeats, options.num_epochs, trainer.num_networks}, std::ref(line));
    });
    answer.signal = answer.confirmation ? 0 : SignalWatch::seen();
    if (answer.signal != 0) return answer;
  }
  const std::optional<TrialRecord> trial = trial_to_test(answer, study);
  if (!trial) return answer;
  TrainingsLine line("final test, on train + validation", options.quiet);
  answer.test = unless_stopped([&] {
    return final_test(study, search, data, trainer, *trial, {options.repeats, options.num_epochs},
                      [&](int64_t num_networks, int64_t epoch, int64_t num_epochs) {
                        const int64_t num_done = epoch == num_epochs ? num_networks : 0;
                        return line({num_done, num_networks, num_networks, epoch * num_networks,
                                     (num_epochs - epoch) * num_networks});
                      });
  });
  answer.signal = answer.test ? 0 : SignalWatch::seen();
  return answer;
}

std::string answer_text(const Answer& answer, const Study& study, const SearchDefinition& search, size_t width) {
  std::string text = "\n";
  if (answer.confirmation) text += confirmation_text(*answer.confirmation, study, search, width);
  if (answer.test) return text + test_text(*answer.test, study, search, answer.confirmation.has_value(), width);
  return answer.signal != 0 ? text : text + wrapped(why_not_tested(answer), width);
}

Json answer_json(const Answer& answer, const Study& study, const SearchDefinition& search) {
  Json json{{"confirmation", answer.confirmation ? confirmation_json(*answer.confirmation, study) : Json(nullptr)},
            {"verdict", answer.test ? verdict_json(*answer.test, search) : Json(nullptr)}};
  if (!answer.test) return json;
  Json rows = Json::array();
  for (const FinalRow* row : {&answer.test->baseline, &answer.test->winner}) {
    rows.push_back(row_json(row->trial, row->validation_accuracy, row->setting));
    rows.back()["test_accuracies"] = accuracies_json(row->test_accuracies);
    rows.back()["command"] = final_test_command(*answer.test, study, row->trial);
  }
  json.update({{"epochs", answer.test->num_epochs},
               {"schedule_epochs", answer.test->schedule_epochs},
               {"first_seed", answer.test->first_seed},
               {"rows", rows}});
  return json;
}

}  // namespace murmur::app
