#include "murmur/pso/study_export.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <vector>

#include "murmur/pso/dimension_json.hpp"
#include "murmur/pso/replay.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"
#include "murmur/pso/study_statement.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using Write = std::function<void(std::string_view)>;

json number_json(double value) {
  return std::isfinite(value) ? json(value) : json();
}

/// `2026-11-24T12:00:00.250000+00:00`, or null.
json time_json(const std::optional<TrialRecord::Time>& time) {
  if (!time) return {};
  std::string text = study_schema::format_time(*time);
  text[text.find(' ')] = 'T';
  return text + "+00:00";
}

/// The searched techniques that exist with this setting.
std::vector<const Dimension*> present_dimensions(const Study& study, const Setting& setting) {
  std::vector<const Dimension*> present;
  for (const Dimension& dimension : study.space().dimensions()) {
    if (SearchSpace::exists(dimension, setting)) present.push_back(&dimension);
  }
  return present;
}

// CSV

/// In double quotes where it must be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted(1, '"');
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// A value of JSON as a field: texts without their quotes, nothing for null.
std::string csv_field(const json& value) {
  if (value.is_null()) return "";
  return csv_field(value.is_string() ? value.get<std::string>() : value.dump());
}

void write_row(const std::vector<std::string>& fields, const Write& write) {
  write(fmt::format("{}\n", fmt::join(fields, ",")));
}

constexpr std::array<const char*, 7> kCsvAttributes{kEpochs, kParticle, kStage, kSlot, kBegun, kAsked, kTold};

void export_csv(const Study& study, const std::vector<TrialRecord>& trials, const Write& write) {
  std::vector<std::string> header{"number", "state", "value", "seed", "started", "finished"};
  header.insert(header.end(), kCsvAttributes.begin(), kCsvAttributes.end());
  std::ranges::copy(study.space().keys(), std::back_inserter(header));
  size_t num_epochs = 0;
  for (const TrialRecord& trial : trials) num_epochs = std::max(num_epochs, trial.intermediate.size());
  for (size_t epoch = 1; epoch <= num_epochs; ++epoch) header.push_back(fmt::format("epoch_{}", epoch));
  write_row(header, write);
  for (const TrialRecord& trial : trials) {
    std::vector<std::string> fields{std::to_string(trial.number),        std::string(trial_state_name(trial.state)),
                                    csv_field(number_json(trial.value)), std::to_string(trial.seed),
                                    csv_field(time_json(trial.started)), csv_field(time_json(trial.finished))};
    for (const char* const key : kCsvAttributes) {
      const auto found = trial.attributes.find(key);
      fields.push_back(csv_field(found == trial.attributes.end() ? json() : found->second));
    }
    for (const Dimension& dimension : study.space().dimensions()) {
      const bool exists = !is_schedule(dimension) || SearchSpace::exists(dimension, trial.setting);
      fields.push_back(exists ? csv_field(value_json(dimension, value_of(trial.setting, dimension))) : "");
    }
    for (size_t epoch = 0; epoch < num_epochs; ++epoch) {
      fields.push_back(epoch < trial.intermediate.size() ? csv_field(number_json(trial.intermediate[epoch])) : "");
    }
    write_row(fields, write);
  }
}

// JSON lines

void export_json_lines(const std::vector<TrialRecord>& trials, const Write& write) {
  for (const TrialRecord& trial : trials) {
    json intermediate = json::array();
    for (const double value : trial.intermediate) intermediate.push_back(number_json(value));
    const json object{{"number", trial.number},
                      {"state", trial_state_name(trial.state)},
                      {"value", number_json(trial.value)},
                      {"seed", std::to_string(trial.seed)},
                      {"started", time_json(trial.started)},
                      {"finished", time_json(trial.finished)},
                      {"setting", setting_json(trial.setting)},
                      {"position", trial.position},
                      {"intermediate", intermediate},
                      {"attributes", trial.attributes}};
    write(study_statement::dump(object) + "\n");
  }
}

// Optuna's journal. Its numbers: JournalOperation, StudyDirection.

constexpr int kCreateStudy = 0, kSetStudyUserAttribute = 2, kCreateTrial = 4;
constexpr int kMaximize = 2;

/// A number as Python reads it in JSON.
std::string python_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return json(value).dump();
}

/// An operation of the study, the first of the file.
json operation(int code) {
  json object{{"op_code", code}, {"worker_id", "murmur"}};
  if (code != kCreateStudy) object["study_id"] = 0;
  return object;
}

std::string journal_trial(const Study& study, const TrialRecord& trial) {
  json object = operation(kCreateTrial);
  object["state"] = static_cast<int>(trial.state);  // numbered as Optuna's TrialState
  object["values"] = nullptr;
  object["datetime_start"] = time_json(trial.started);
  if (trial.finished) object["datetime_complete"] = time_json(trial.finished);
  object["params"] = object["distributions"] = json::object();
  for (const Dimension* dimension : present_dimensions(study, trial.setting)) {
    const std::string key = key_of(*dimension);
    object["params"][key] = stored_value(*dimension, value_of(trial.setting, *dimension));
    object["distributions"][key] = study_schema::distribution_json(*dimension);
  }
  object["user_attrs"] = trial.attributes;
  object["user_attrs"][kSeedKey] = std::to_string(trial.seed);
  object["user_attrs"][kPositionKey] = trial.position;
  object["system_attrs"] = json::object();
  // What may be no number, which JSON has no words for and Python has.
  std::string values;
  for (size_t i = 0; i < trial.intermediate.size(); ++i) {
    values += fmt::format("{}\"{}\":{}", values.empty() ? "" : ",", i + 1, python_json(trial.intermediate[i]));
  }
  std::string text = study_statement::dump(object);
  text.pop_back();
  return text + fmt::format(",\"value\":{},\"intermediate_values\":{{{}}}}}\n",
                            std::isnan(trial.value) ? "null" : python_json(trial.value), values);
}

void export_journal(const Study& study, const std::vector<TrialRecord>& trials, const Write& write) {
  json created = operation(kCreateStudy);
  created["study_name"] = study.name();
  created["directions"] = {kMaximize};
  write(study_statement::dump(created) + "\n");
  Attributes attributes = study.attributes();
  attributes[kSpaceKey] = study.space().to_json();
  attributes[kBaseKey] = setting_json(study.base());
  for (const auto& [key, value] : attributes) {
    json set = operation(kSetStudyUserAttribute);
    set["user_attr"] = {{key, value}};
    write(study_statement::dump(set) + "\n");
  }
  for (const TrialRecord& trial : trials) write(journal_trial(study, trial));
}

// The study's own layout

constexpr std::array<const char*, kNumStudyTechniques> kPaperColumns{"shuffle",          "flip",
                                                                     "rotation",         "zoom",
                                                                     "translation",      "contrast",
                                                                     "input noise",      "label smoothing",
                                                                     "weight init",      "dropout",
                                                                     "dropconnect",      "drnn",
                                                                     "activation noise", "loss noise",
                                                                     "optimizer",        "lr",
                                                                     "lr schedule",      "batch",
                                                                     "batch schedule",   "weight noise",
                                                                     "gradient noise",   "gradient dropout"};

/// A trial's value of a dimension in the units of the study: as it was searched, where that was the study's dimension.
/// Otherwise it may lie outside of the study's range.
double paper_position(const SearchSpace& space, const TrialRecord& trial, const Dimension& dimension) {
  const auto found = std::ranges::find(space.dimensions(), dimension);
  if (found != space.dimensions().end()) return trial.position[static_cast<size_t>(found - space.dimensions().begin())];
  return raw_value(dimension, trial.setting[dimension.id]);
}

void export_paper(const Study& study, const std::vector<TrialRecord>& trials, const Write& write) {
  std::vector<std::string> header{"epochs"};
  header.insert(header.end(), kPaperColumns.begin(), kPaperColumns.end());
  header.insert(header.end(), {"validation", "test"});
  write_row(header, write);
  const Attributes attributes = study.attributes();
  const auto epochs = attributes.find("epochs");
  for (const TrialRecord& trial : trials) {
    const bool has_ended = trial.state == TrialState::kComplete || trial.state == TrialState::kPruned;
    if (!has_ended || std::isnan(trial.value)) continue;
    std::vector<std::string> fields{csv_field(epochs == attributes.end() ? json() : epochs->second)};
    for (const TechniqueInfo& info : techniques().first<kNumStudyTechniques>()) {
      fields.push_back(json(paper_position(study.space(), trial, study_dimension(info.id))).dump());
    }
    fields.insert(fields.end(), {csv_field(number_json(trial.value)), ""});
    write_row(fields, write);
  }
}

}  // namespace

void export_study(const Study& study, ExportFormat format, const Write& write) {
  const std::vector<TrialRecord> trials = study.trials();
  switch (format) {
    case ExportFormat::kCsv:
      return export_csv(study, trials, write);
    case ExportFormat::kJsonLines:
      return export_json_lines(trials, write);
    case ExportFormat::kOptunaJournal:
      return export_journal(study, trials, write);
    case ExportFormat::kPaper:
      return export_paper(study, trials, write);
  }
}

}  // namespace murmur
