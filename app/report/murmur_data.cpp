#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "app/analysis.hpp"
#include "app/final_test.hpp"
#include "app/json_report.hpp"
#include "app/report/provenance.hpp"
#include "app/report/study_data.hpp"
#include "app/report/trial_columns.hpp"
#include "app/runs.hpp"
#include "app/train_command.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/dimension_json.hpp"
#include "murmur/pso/replay.hpp"
#include "murmur/pso/setting_json.hpp"

// A study of murmur, with all that it says besides its trials.
namespace murmur::app {
namespace {

using Json = nlohmann::json;

/// What is read of a study before anything is made of it.
struct Source {
  Study study;
  std::vector<TrialRecord> trials;
  std::vector<RunRecord> runs;
  std::optional<SearchDefinition> search{};  // none where the study was not made by a search
};

Json dimension_data(const Dimension& dimension, const Setting& base) {
  Json result = technique_data(key_of(dimension));
  const bool is_category = !dimension.choices.empty();
  const Json stored = dimension_json(dimension);
  result["kind"] = is_category ? Json("categorical") : stored.at("kind");
  result["scale"] = stored.value("scale", "linear");
  result["low"] = stored.value("low", Json());
  result["high"] = stored.value("high", Json());
  if (is_category) {
    for (const double value : dimension.choices) result["choices"].push_back(format_value(dimension, value));
  }
  result["off"] = !has_off(dimension) ? Json()
                  : is_category       ? Json(format_value(dimension, base[dimension.id]))
                                      : Json(base[dimension.id]);
  return result;
}

/// All that is searched, and what else is not off.
Json whole_setting(const Study& study, const Setting& setting) {
  Json result = setting_json(setting, SettingPart::kNotOff);
  for (const Dimension& dimension : study.space().dimensions()) {
    result[std::string(technique(dimension.id).key)] = value_json(setting, dimension.id);
  }
  return result;
}

int64_t number_of(const TrialRecord& trial, const char* key, int64_t otherwise) {
  const auto found = trial.attributes.find(key);
  return found != trial.attributes.end() && found->second.is_number_integer() ? found->second.get<int64_t>()
                                                                              : otherwise;
}

void add_trials(const Source& source, Json& result) {
  const std::vector<Dimension>& dimensions = source.study.space().dimensions();
  const bool has_particles = source.search && source.search->algorithm == "swarm";
  TrialColumns columns(dimensions.size());
  for (const TrialRecord& trial : source.trials) {
    columns.add({trial.number, trial.state, trial.value, trial.intermediate, trial.started, trial.finished,
                 number_of(trial, kStage, 0), has_particles ? number_of(trial, kParticle, -1) : -1,
                 trial.attributes.contains(kPruned)});
    for (size_t d = 0; d < dimensions.size(); ++d) {
      const bool exists = SearchSpace::exists(dimensions[d], trial.setting);
      columns.add_parameter(d, exists ? stored_value(dimensions[d], value_of(trial.setting, dimensions[d]))
                                      : std::numeric_limits<double>::quiet_NaN());
    }
  }
  result["dimensions"] = Json::array();
  for (const Dimension& dimension : dimensions) {
    result["dimensions"].push_back(dimension_data(dimension, source.study.base()));
  }
  columns.put_into(result);
}

/// The attributes that define the search, and the number of its particles.
Json definition_of(const Study& study) {
  Json definition = Json::object();
  for (const auto& [key, value] : study.attributes()) {
    const bool is_result = key == "runs" || key == "baseline" || key == "confirmation" || key == "final_test" ||
                           key.starts_with(analysis_attribute(""));
    if (!is_result) definition[key] = value;
  }
  for (const Json& options : {definition.value("swarm", Json::object())}) {
    if (options.is_object() && options.contains("particles")) definition["particles"] = options.at("particles");
  }
  return definition;
}

Json baseline_data(const Source& source) {
  const std::optional<Baseline> baseline = read_baseline(source.study);
  Json result{{"setting", whole_setting(source.study, source.study.base())},
              {"command", train_command(source.study, "baseline")}};
  if (!baseline) return result;
  result["value"] = baseline->validation_accuracy;
  if (!baseline->accuracies.empty()) result["curve"] = accuracies_json(baseline->accuracies);
  return result;
}

/// What a study's later steps have left, and what a reader has to know of them.
class Steps {
 public:
  Steps(const Source& source, const SearchDefinition& search, bool is_running)
      : study_(source.study), trials_(source.trials), search_(search), is_running_(is_running) {}

  void put_into(Json& result) {
    add_confirmation(result);
    test_ = stored_final_test(study_, search_);
    if (test_) result["verdict"] = verdict_json(*test_, search_);
    result["analysis"] = analysis();
  }

  const std::optional<FinalTest>& test() const { return test_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void add_confirmation(Json& result) {
    const std::optional<StoredConfirmation> stored = stored_confirmation(study_, search_, trials_);
    if (!stored) return;
    result["confirmation"] = confirmation_json(stored->confirmation, study_);
    if (stored->num_missing == 0) return;
    notes_.push_back(fmt::format("the confirmation {}: {} of its trainings have not ended",
                                 is_running_ ? "is running" : "has been interrupted", stored->num_missing));
  }

  /// That of the trial that was tested, before that of others.
  std::optional<AblationReport> ablation() {
    std::vector<int64_t> numbers;
    if (test_) numbers.push_back(test_->winner.trial);
    const std::string prefix = analysis_attribute("ablation of trial ");
    for (const auto& [key, value] : study_.attributes()) {
      int64_t number = -1;
      const char* const end = key.data() + key.size();
      if (key.starts_with(prefix) && std::from_chars(key.data() + prefix.size(), end, number).ptr == end) {
        numbers.push_back(number);
      }
    }
    for (const int64_t number : numbers) {
      const auto trial = std::ranges::find(trials_, number, &TrialRecord::number);
      if (trial == trials_.end()) continue;
      std::string why;
      std::optional<AblationReport> report = stored_ablation(study_, search_, *trial, trials_, why);
      if (!why.empty()) notes_.push_back(why);
      if (!report) continue;
      if (test_ && number != test_->winner.trial) {
        notes_.push_back(fmt::format("the effects are those of trial {}; the final test has tested trial {}", number,
                                     test_->winner.trial));
      }
      return report;
    }
    return std::nullopt;
  }

  Json analysis() {
    Json result = Json::object();
    if (const auto report = ablation()) result["ablation"] = ablation_json(*report);
    std::string why;
    if (const auto sample = stored_sample(study_, search_, why)) {
      result["sample"] = sample_json(*sample, study_.space());
      result["sample"].erase("settings");
      result["sample"]["num_settings"] = sample->settings.size();
    }
    if (!why.empty()) notes_.push_back(why);
    return result.empty() ? Json() : result;
  }

  const Study& study_;
  const std::vector<TrialRecord>& trials_;
  const SearchDefinition& search_;
  bool is_running_;
  std::optional<FinalTest> test_;
  std::vector<std::string> notes_;
};

Json winner_data(const Source& source, const std::optional<FinalTest>& test) {
  if (test) {
    return {{"trial", test->winner.trial},
            {"tested", true},
            {"value", finite_or_null(test->winner.validation_accuracy)},
            {"setting", whole_setting(source.study, test->winner.setting)},
            {"command", final_test_command(*test, source.study, test->winner.trial)}};
  }
  const TrialRecord* best = nullptr;
  for (const TrialRecord& trial : source.trials) {
    if (trial.state == TrialState::kComplete && (best == nullptr || trial.value > best->value)) best = &trial;
  }
  if (best == nullptr) return {};
  return {{"trial", best->number},
          {"tested", false},
          {"value", finite_or_null(best->value)},
          {"setting", whole_setting(source.study, best->setting)},
          {"command", train_command(source.study, std::to_string(best->number))}};
}

/// None where the study's attributes are not those of a search: a study of the library's users.
std::optional<SearchDefinition> definition_if_any(const Study& study, std::vector<std::string>& notes) {
  try {
    return search_definition(study);
  } catch (const StudyError& error) {
    notes.push_back(fmt::format("the study does not say how it was searched ({})", error.what()));
    return std::nullopt;
  }
}

}  // namespace

Json murmur_study_data(const StudyName& name) {
  Source source{Study::open_read_only(name.file, name.name), {}, {}};
  source.runs = read_runs(source.study);
  source.trials = source.study.trials();
  std::vector<std::string> notes;
  source.search = definition_if_any(source.study, notes);
  const bool has_running =
      std::ranges::find(source.trials, TrialState::kRunning, &TrialRecord::state) != source.trials.end();
  const bool is_running = source.runs.empty() ? has_running && was_written_lately(name.file)
                                              : std::ranges::any_of(source.runs, &RunRecord::is_running);
  Json result{{"name", source.study.name()},
              {"file", name.file.string()},
              {"origin", "murmur"},
              {"running", is_running},
              {"interrupted", is_interrupted(source.runs)},
              {"definition", definition_of(source.study)},
              {"provenance", provenance(source.study, source.search, source.runs, source.trials)},
              {"baseline", baseline_data(source)}};
  std::optional<FinalTest> test;
  if (source.search) {
    result["algorithm"] = source.search->algorithm;
    result["baseline_name"] = baseline_name(*source.search);
    Steps steps(source, *source.search, is_running);
    steps.put_into(result);
    test = steps.test();
    // Beside the winner's command that of the same test.
    if (test) result["baseline"]["command"] = final_test_command(*test, source.study, -1);
    if (const std::string note = how_it_ended(source.runs, test.has_value()); !note.empty()) notes.push_back(note);
    notes.insert(notes.end(), steps.notes().begin(), steps.notes().end());
  }
  const bool has_sample = result.contains("analysis") && result["analysis"].contains("sample");
  result["commands"] = commands(source.study, source.runs, has_sample);
  if (const int64_t planned = num_planned(source.runs); planned > 0) result["planned"] = planned;
  result["winner"] = winner_data(source, test);
  result["notes"] = notes;
  add_trials(source, result);
  return result;
}

}  // namespace murmur::app
