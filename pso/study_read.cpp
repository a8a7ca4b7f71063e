#include <limits>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/json_text.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/stored.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur {
namespace {

using nlohmann::json;

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

}  // namespace

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

Attributes read_attributes(const SQLite::Database& database, int64_t study_id) {
  Attributes attributes;
  SQLite::Statement statement(database, "SELECT \"key\", value_json FROM study_user_attributes WHERE study_id = ?");
  statement.bind(1, study_id);
  while (statement.executeStep()) {
    const std::string key = statement.getColumn(0).getString();
    try {
      attributes[key] = parse_json(statement.getColumn(1).getString());
    } catch (const json::exception& error) {
      throw InvalidArgument("attribute '{}': expected JSON, got {}", key, error.what());
    }
  }
  return attributes;
}

std::vector<std::string> read_definition_keys(const SQLite::Database& database, int64_t study_id) {
  SQLite::Statement statement(database,
                              "SELECT value_json FROM study_system_attributes WHERE study_id = ? AND \"key\" = ?");
  statement.bind(1, study_id);
  statement.bind(2, kDefinitionKey);
  if (!statement.executeStep()) return {};
  const json keys = parse_json(statement.getColumn(0).getString());
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
