#include <algorithm>
#include <cmath>

#include "app/json_report.hpp"
#include "app/report/study_data.hpp"
#include "app/report/trial_columns.hpp"
#include "murmur/pso/optuna_study.hpp"
#include "murmur/pso/setting_json.hpp"

// A study that another program made: what is there.
namespace murmur::app {
namespace {

using Json = nlohmann::json;

Json dimension_data(const OptunaParameter& parameter) {
  Json dimension = technique_data(parameter.name);
  const bool is_category = parameter.kind == Kind::kCategorical;
  dimension["kind"] = is_category ? "categorical" : parameter.kind == Kind::kInteger ? "integer" : "float";
  dimension["scale"] = parameter.is_log ? "log" : "linear";
  dimension["low"] = is_category ? Json() : finite_or_null(parameter.low);
  dimension["high"] = is_category ? Json() : finite_or_null(parameter.high);
  dimension["choices"] = is_category ? Json(parameter.choices) : Json();
  return dimension;
}

Json value_of(const OptunaParameter& parameter, size_t trial) {
  const double value = parameter.values[trial];
  if (parameter.kind != Kind::kCategorical) return value;
  const auto choice = static_cast<size_t>(std::max(0.0, value));
  return choice < parameter.choices.size() ? Json(parameter.choices[choice]) : Json();
}

/// The best complete trial; none without one.
std::optional<size_t> best_of(const OptunaStudy& study) {
  std::optional<size_t> best;
  for (size_t i = 0; i < study.values.size(); ++i) {
    if (study.states[i] != TrialState::kComplete || std::isnan(study.values[i])) continue;
    const bool is_better =
        best && (study.is_maximized ? study.values[i] > study.values[*best] : study.values[i] < study.values[*best]);
    if (!best || is_better) best = i;
  }
  return best;
}

Json winner_data(const OptunaStudy& study) {
  const std::optional<size_t> best = best_of(study);
  if (!best) return {};
  Json setting = Json::object();
  for (const OptunaParameter& parameter : study.parameters) {
    if (!std::isnan(parameter.values[*best])) setting[parameter.name] = value_of(parameter, *best);
  }
  return {{"trial", study.numbers[*best]},
          {"tested", false},
          {"value", finite_or_null(study.values[*best])},
          {"setting", setting}};
}

}  // namespace

Json optuna_study_data(const StudyName& name) {
  const OptunaStudy study = read_optuna_study(name.file, name.name);
  Json result{{"name", study.name},           {"file", name.file.string()},
              {"origin", "optuna"},           {"definition", study.attributes},
              {"winner", winner_data(study)}, {"provenance", Json::array()},
              {"notes", Json::array()}};
  for (const char* key : {"algorithm", "sampler"}) {
    const auto found = study.attributes.find(key);
    if (found != study.attributes.end() && found->second.is_string()) result["algorithm"] = found->second;
  }
  if (!study.is_maximized) result["direction"] = "minimize";
  if (study.num_objectives > 1) {
    result["notes"].push_back("the study has several objectives; what is shown is the first");
  }
  result["dimensions"] = Json::array();
  for (const OptunaParameter& parameter : study.parameters) result["dimensions"].push_back(dimension_data(parameter));
  TrialColumns columns(study.parameters.size());
  bool has_running = false;
  for (size_t i = 0; i < study.numbers.size(); ++i) {
    has_running = has_running || study.states[i] == TrialState::kRunning;
    columns.add({study.numbers[i], study.states[i], study.values[i], study.intermediate[i], study.started[i],
                 study.finished[i]});
    for (size_t p = 0; p < study.parameters.size(); ++p) columns.add_parameter(p, study.parameters[p].values[i]);
  }
  columns.put_into(result);
  result["running"] = has_running && was_written_lately(name.file);
  return result;
}

}  // namespace murmur::app
