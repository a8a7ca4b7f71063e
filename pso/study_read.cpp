#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/stored.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kStateNames{"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"};

TrialState parse_state(const std::filesystem::path& path, const std::string& name) {
  const auto state = std::find(kStateNames.begin(), kStateNames.end(), name) - kStateNames.begin();
  if (state == std::ssize(kStateNames)) {
    throw StudyError("study '{}': expected a trial state of Optuna (RUNNING, COMPLETE, ...), got '{}'", path.string(),
                     name);
  }
  return static_cast<TrialState>(state);
}

/// The one study of this name, or the only one.
std::pair<int64_t, std::string> find_study(const std::filesystem::path& path, SQLite::Database& database,
                                           const std::string& name) {
  std::vector<std::pair<int64_t, std::string>> studies;
  std::string names;
  SQLite::Statement statement(database, "SELECT study_id, study_name FROM studies ORDER BY study_id");
  while (statement.executeStep()) {
    studies.emplace_back(statement.getColumn(0).getInt64(), statement.getColumn(1).getString());
    if (studies.back().second == name) return studies.back();
    names += (names.empty() ? "'" : ", '") + studies.back().second + "'";
  }
  if (name.empty() && studies.size() == 1) return studies.front();
  throw StudyError("study '{}': expected {}, got {}", path.string(),
                   name.empty() ? "one study" : "a study named '" + name + "'", names.empty() ? "none" : names);
}

void check_direction(const std::filesystem::path& path, SQLite::Database& database, int64_t study_id) {
  SQLite::Statement statement(
      database, "SELECT coalesce(group_concat(direction), 'none') FROM study_directions WHERE study_id = ?");
  statement.bind(1, study_id);
  statement.executeStep();
  const std::string directions = statement.getColumn(0).getString();
  if (directions != "MAXIMIZE") {
    throw StudyError("study '{}': expected one direction, MAXIMIZE, got {}", path.string(), directions);
  }
}

/// A query over the rows of a range of trials; calls f(record, statement) for each, column 0 being the trial's row id.
template <class F>
void for_each_row(const SQLite::Database& database, const char* query, int64_t first_id, int64_t last_id,
                  const std::unordered_map<int64_t, TrialRecord*>& records, const F& f) {
  SQLite::Statement statement(database, query);
  statement.bind(1, first_id);
  statement.bind(2, last_id);
  while (statement.executeStep()) {
    const auto found = records.find(statement.getColumn(0).getInt64());
    if (found != records.end()) f(*found->second, statement);
  }
}

double column_value(SQLite::Statement& statement, int column) {
  return study_schema::stored_value(statement.getColumn(column + 1).getString(),
                                    statement.getColumn(column).getDouble());
}

/// What a trial's attributes say about seed and position, moved out of them.
void take_address(const std::filesystem::path& path, TrialRecord& record, const SearchSpace& space) {
  json address = json::object();
  for (const char* key : {kSeedKey, kPositionKey}) {
    if (auto value = record.attributes.extract(key); !value.empty()) address[key] = std::move(value.mapped());
  }
  const Stored stored(path, "trial " + std::to_string(record.number), address);
  if (stored.has(kSeedKey)) record.seed = stored.seed(kSeedKey);
  if (!stored.has(kPositionKey)) {
    record.position = space.encode(record.setting);
    return;
  }
  for (const json& value : stored.array(kPositionKey)) {
    if (!value.is_number()) stored.fail(kPositionKey, "an array of numbers");
    record.position.push_back(value.get<double>());
  }
  if (static_cast<int64_t>(record.position.size()) != space.num_dimensions()) {
    throw InvalidArgument("expected a position of {} dimensions in trial {}, got {}", space.num_dimensions(),
                          record.number, record.position.size());
  }
}

}  // namespace

std::string_view trial_state_name(TrialState state) {
  return kStateNames[static_cast<size_t>(state)];
}

Attributes read_attributes(const SQLite::Database& database, int64_t study_id) {
  Attributes attributes;
  SQLite::Statement statement(database, "SELECT \"key\", value_json FROM study_user_attributes WHERE study_id = ?");
  statement.bind(1, study_id);
  while (statement.executeStep()) {
    attributes[statement.getColumn(0).getString()] = json::parse(statement.getColumn(1).getString());
  }
  return attributes;
}

std::vector<std::string> read_definition_keys(const SQLite::Database& database, int64_t study_id) {
  SQLite::Statement statement(database,
                              "SELECT value_json FROM study_system_attributes WHERE study_id = ? AND \"key\" = ?");
  statement.bind(1, study_id);
  statement.bind(2, kDefinitionKey);
  if (!statement.executeStep()) return {};
  const json keys = json::parse(statement.getColumn(0).getString());
  std::vector<std::string> names;
  for (const json& key : keys) {
    if (key.is_string()) names.push_back(key.get<std::string>());
  }
  if (!keys.is_array() || names.size() != keys.size()) {
    throw InvalidArgument("expected {} = the keys of attributes, got {}", kDefinitionKey, keys.dump());
  }
  return names;
}

std::unique_ptr<Study::Impl> Study::Impl::load(const std::filesystem::path& path, SQLite::Database database,
                                               const std::string& name) {
  const auto [study_id, found_name] = find_study(path, database, name);
  check_direction(path, database, study_id);
  const Attributes attributes = read_attributes(database, study_id);
  const auto space = attributes.find(kSpaceKey);
  const auto base = attributes.find(kBaseKey);
  if (space == attributes.end() || base == attributes.end()) {
    throw StudyError("study '{}': expected a study made by murmur, got one without the attributes {} and {}",
                     path.string(), kSpaceKey, kBaseKey);
  }
  const study_schema::TimeZone zone = read_zone(database, study_id);
  auto impl = std::make_unique<Impl>(path, std::move(database), study_id, found_name,
                                     SearchSpace::from_json(space->second), parse_setting_json(base->second));
  impl->zone = zone;
  return impl;
}

std::optional<Study::Impl::Row> Study::Impl::find(int64_t number) const {
  find_trial.bind(1, study_id);
  find_trial.bind(2, number);
  std::optional<Row> row;
  if (find_trial.executeStep()) row = Row{find_trial.getColumn(0).getInt64(), find_trial.getColumn(1).getString()};
  find_trial.reset();  // an unfinished statement would keep a snapshot of the file
  return row;
}

Study::Impl::Row Study::Impl::expect(int64_t number) const {
  const std::optional<Row> row = find(number);
  if (!row) throw StudyError("study '{}': expected a trial, got no trial {}", path.string(), number);
  return *row;
}

std::vector<TrialRecord> Study::Impl::read(int64_t first_id, int64_t last_id) const {
  SQLite::Transaction snapshot(database);  // all tables as of one moment
  std::vector<std::pair<int64_t, TrialRecord>> rows;
  SQLite::Statement statement(database,
                              "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
                              "WHERE study_id = ? AND trial_id BETWEEN ? AND ? ORDER BY trial_id");
  statement.bind(1, study_id);
  statement.bind(2, first_id);
  statement.bind(3, last_id);
  while (statement.executeStep()) {
    TrialRecord& record = rows.emplace_back(statement.getColumn(0).getInt64(), TrialRecord{}).second;
    record.number = statement.getColumn(1).getInt64();
    record.state = parse_state(path, statement.getColumn(2).getString());
    record.setting = base;
    record.started = study_schema::parse_time(statement.getColumn(3).getString(), zone);
    record.finished = study_schema::parse_time(statement.getColumn(4).getString(), zone);
  }
  std::unordered_map<int64_t, TrialRecord*> by_id;
  for (auto& [id, record] : rows) by_id.emplace(id, &record);

  std::unordered_map<std::string_view, Technique> ids;
  for (const TechniqueInfo& info : techniques()) ids.emplace(info.key, info.id);
  const auto query = [&](const char* text, const auto& f) {
    for_each_row(database, text, first_id, last_id, by_id, f);
  };
  query("SELECT trial_id, param_name, param_value FROM trial_params WHERE trial_id BETWEEN ? AND ? ORDER BY trial_id",
        [&](TrialRecord& record, SQLite::Statement& row) {
          const auto id = ids.find(row.getColumn(1).getText());  // parameters that are no technique are not ours
          if (id == ids.end()) return;
          const Dimension* const dimension = space.find(id->second);
          const double stored = row.getColumn(2).getDouble();
          record.setting.set(id->second, dimension == nullptr ? stored : parse_stored_value(*dimension, stored));
        });
  query("SELECT trial_id, value, value_type FROM trial_values WHERE trial_id BETWEEN ? AND ? AND objective = 0",
        [](TrialRecord& record, SQLite::Statement& row) { record.value = column_value(row, 1); });
  query(
      "SELECT trial_id, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
      "WHERE trial_id BETWEEN ? AND ? ORDER BY trial_id, step",
      [](TrialRecord& record, SQLite::Statement& row) { record.intermediate.push_back(column_value(row, 1)); });
  query("SELECT trial_id, \"key\", value_json FROM trial_user_attributes WHERE trial_id BETWEEN ? AND ?",
        [](TrialRecord& record, SQLite::Statement& row) {
          record.attributes[row.getColumn(1).getString()] = json::parse(row.getColumn(2).getString());
        });
  std::vector<TrialRecord> records;
  records.reserve(rows.size());
  for (auto& [id, record] : rows) {
    take_address(path, record, space);
    records.push_back(std::move(record));
  }
  return records;
}

TrialRecord Study::Impl::read_one(int64_t id) const {
  std::vector<TrialRecord> records = read(id, id);
  if (records.empty()) throw StudyError("study '{}': expected a trial, got one that was removed", path.string());
  return std::move(records.front());
}

Attributes Study::attributes() const {
  return study_file::guarded(impl_->path, [&] {
    Attributes attributes = read_attributes(impl_->database, impl_->study_id);
    attributes.erase(kSpaceKey);
    attributes.erase(kBaseKey);
    return attributes;
  });
}

int64_t Study::num_trials() const {
  return study_file::guarded(impl_->path, [&] {
    SQLite::Statement& last = impl_->last_number;
    last.bind(1, impl_->study_id);
    const int64_t number = last.executeStep() ? last.getColumn(0).getInt64() + 1 : 0;
    last.reset();
    return number;
  });
}

std::vector<TrialRecord> Study::trials() const {
  return study_file::guarded(impl_->path, [&] { return impl_->read(0, std::numeric_limits<int64_t>::max()); });
}

TrialRecord Study::trial(int64_t number) const {
  return study_file::guarded(impl_->path, [&] { return impl_->read_one(impl_->expect(number).trial_id); });
}

std::optional<TrialRecord> Study::best_trial() const {
  return study_file::guarded(impl_->path, [&]() -> std::optional<TrialRecord> {
    SQLite::Statement statement(impl_->database,
                                "SELECT t.trial_id FROM trials t JOIN trial_values v ON v.trial_id = t.trial_id "
                                "WHERE t.study_id = ? AND t.state = 'COMPLETE' AND v.objective = 0 ORDER BY "
                                "CASE v.value_type WHEN 'INF_POS' THEN 1 WHEN 'INF_NEG' THEN -1 ELSE 0 END DESC, "
                                "v.value DESC, t.number LIMIT 1");
    statement.bind(1, impl_->study_id);
    if (!statement.executeStep()) return std::nullopt;
    const int64_t id = statement.getColumn(0).getInt64();
    statement.reset();
    return impl_->read_one(id);
  });
}

}  // namespace murmur
