#include "murmur/pso/optuna_study.hpp"
#include "murmur/pso/study_statement.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/json_text.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

double number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : kNan;
}

/// Takes in a distribution as Optuna writes it; those of Optuna 2 have names of their own for logarithms and steps.
void add_distribution(OptunaParameter& parameter, const json& distribution) {
  if (!distribution.is_object() || !distribution.contains("attributes")) return;
  const json& attributes = distribution.at("attributes");
  const std::string name = text_of(distribution.value("name", json("")));
  if (!attributes.is_object()) return;
  if (attributes.contains("choices")) {
    parameter.kind = Kind::kCategorical;
    parameter.choices.clear();
    for (const json& choice : attributes.at("choices")) parameter.choices.push_back(text_of(choice));
    return;
  }
  const double low = number_of(attributes, "low"), high = number_of(attributes, "high");
  const bool is_first = parameter.low == 0 && parameter.high == 0;
  parameter.kind = name.starts_with("Int") ? Kind::kInteger : Kind::kFloat;
  parameter.is_log = attributes.value("log", json()) == true || name.find("Log") != std::string::npos;
  parameter.low = is_first ? low : std::min(parameter.low, low);
  parameter.high = is_first ? high : std::max(parameter.high, high);
}

class Reader {
 public:
  Reader(SQLite::Database& database, const std::filesystem::path& path, int64_t study_id)
      : database_(database), path_(path), study_id_(study_id) {}

  OptunaStudy read() {
    read_direction();
    read_attributes();
    read_trials();
    if (ids_.empty()) return std::move(study_);
    read_values();
    read_intermediate();
    read_parameters();
    return std::move(study_);
  }

 private:
  void read_direction();
  void read_attributes();
  void read_trials();
  void read_values();
  void read_intermediate();
  void read_parameters();

  /// Calls f(trial, statement) for each row of a table that belongs to a trial; `columns` come behind its id.
  template <class F>
  void for_each(const std::string& table, const std::string& columns, const F& f);

  SQLite::Database& database_;
  const std::filesystem::path& path_;
  int64_t study_id_;
  OptunaStudy study_;
  std::vector<std::pair<int64_t, size_t>> ids_;  // row ids, ascending, and the places of their trials
};

void Reader::read_direction() {
  SQLite::Statement statement(database_,
                              "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective");
  statement.bind(1, study_id_);
  study_.num_objectives = 0;
  while (statement.executeStep()) {
    if (study_.num_objectives++ == 0) study_.is_maximized = statement.getColumn(0).getString() != "MINIMIZE";
  }
}

void Reader::read_attributes() {
  SQLite::Statement statement(database_, "SELECT \"key\", value_json FROM study_user_attributes WHERE study_id = ?");
  statement.bind(1, study_id_);
  while (statement.executeStep()) {
    json value = try_parse_json(statement.getColumn(1).getString());  // Python writes NaN, too
    if (!value.is_discarded()) study_.attributes[statement.getColumn(0).getString()] = std::move(value);
  }
}

void Reader::read_trials() {
  const study_schema::TimeZone zone = read_zone(database_, study_id_);
  SQLite::Statement statement(database_,
                              "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
                              "WHERE study_id = ? ORDER BY number");
  statement.bind(1, study_id_);
  while (statement.executeStep()) {
    ids_.emplace_back(statement.getColumn(0).getInt64(), ids_.size());
    study_.numbers.push_back(statement.getColumn(1).getInt64());
    study_.states.push_back(parse_trial_state(path_, statement.getColumn(2).getString()));
    study_.started.push_back(study_schema::parse_time(statement.getColumn(3).getString(), zone));
    study_.finished.push_back(study_schema::parse_time(statement.getColumn(4).getString(), zone));
  }
  std::ranges::sort(ids_);
  study_.values.resize(ids_.size(), kNan);
  study_.intermediate.resize(ids_.size());
}

template <class F>
void Reader::for_each(const std::string& table, const std::string& columns, const F& f) {
  // Going through the table as it lies in the file is faster than its index.
  SQLite::Statement statement(database_,
                              "SELECT trial_id, " + columns + " FROM " + table + " WHERE +trial_id BETWEEN ? AND ?");
  statement.bind(1, ids_.front().first);
  statement.bind(2, ids_.back().first);
  size_t place = 0;  // most rows are of the same trial as the row before
  while (statement.executeStep()) {
    const int64_t id = statement.getColumn(0).getInt64();
    if (ids_[place].first != id) {
      const auto found = std::ranges::lower_bound(ids_, id, {}, &std::pair<int64_t, size_t>::first);
      if (found == ids_.end() || found->first != id) continue;  // of another study
      place = static_cast<size_t>(found - ids_.begin());
    }
    f(ids_[place].second, statement);
  }
}

double column_value(SQLite::Statement& statement, int column) {
  return study_schema::stored_value(statement.getColumn(column + 1).getString(),
                                    study_statement::number_in(statement.getColumn(column)));
}

void Reader::read_values() {
  for_each("trial_values", "value, value_type, objective", [&](size_t trial, SQLite::Statement& row) {
    if (row.getColumn(3).getInt64() == 0) study_.values[trial] = column_value(row, 1);
  });
}

void Reader::read_intermediate() {
  std::vector<std::vector<std::pair<int64_t, double>>> steps(ids_.size());
  for_each("trial_intermediate_values", "step, intermediate_value, intermediate_value_type",
           [&](size_t trial, SQLite::Statement& row) {
             steps[trial].emplace_back(row.getColumn(1).getInt64(), column_value(row, 2));
           });
  for (size_t trial = 0; trial < steps.size(); ++trial) {
    std::ranges::sort(steps[trial], {}, &std::pair<int64_t, double>::first);
    for (const auto& [step, value] : steps[trial]) study_.intermediate[trial].push_back(value);
  }
}

void Reader::read_parameters() {
  std::map<std::string, size_t, std::less<>> places;
  std::vector<std::string> distributions;  // the last text of each
  for_each("trial_params", "param_name, param_value, distribution_json", [&](size_t trial, SQLite::Statement& row) {
    const std::string name = row.getColumn(1).getString();
    const auto [found, is_new] = places.try_emplace(name, study_.parameters.size());
    if (is_new) {
      study_.parameters.push_back({.name = name});
      study_.parameters.back().values.resize(ids_.size(), kNan);
      distributions.emplace_back();
    }
    OptunaParameter& parameter = study_.parameters[found->second];
    if (std::string text = row.getColumn(3).getString(); text != distributions[found->second]) {
      add_distribution(parameter, try_parse_json(text));
      distributions[found->second] = std::move(text);
    }
    parameter.values[trial] = row.getColumn(2).getDouble();
  });
}

}  // namespace

bool is_made_by_murmur(const std::filesystem::path& path, const std::string& name, const StudyOptions& options) {
  return study_file::guarded(path, [&] {
    SQLite::Database database = open_existing(path, options);
    SQLite::Statement statement(database,
                                "SELECT count(*) FROM study_user_attributes WHERE study_id = ? AND \"key\" IN (?, ?)");
    statement.bind(1, find_study(path, database, name).first);
    statement.bind(2, kSpaceKey);
    statement.bind(3, kBaseKey);
    statement.executeStep();
    return statement.getColumn(0).getInt64() == 2;
  });
}

OptunaStudy read_optuna_study(const std::filesystem::path& path, const std::string& name, const StudyOptions& options) {
  return study_file::guarded(path, [&] {
    SQLite::Database database = open_existing(path, options);
    const SQLite::Transaction snapshot(database);  // all tables as of one moment
    const auto [study_id, found_name] = find_study(path, database, name);
    OptunaStudy study = Reader(database, path, study_id).read();
    study.name = found_name;
    return study;
  });
}

}  // namespace murmur
