#include "murmur/pso/study.hpp"

#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/study_file.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr size_t kMaxNameLength = 512;  // Optuna's columns

/// JSON as Python's json.dumps escapes it: plain ASCII; bytes that are no UTF-8 are replaced.
std::string dump(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

void bind(SQLite::Statement& statement, int index, double value) {
  if (std::isfinite(value)) statement.bind(index, value);  // else NULL, as Optuna has it
}

template <class T>
void bind(SQLite::Statement& statement, int index, const T& value) {
  statement.bind(index, value);
}

template <class... Values>
void execute(SQLite::Statement& statement, const Values&... values) {
  statement.tryReset();
  statement.clearBindings();
  int index = 0;
  (bind(statement, ++index, values), ...);
  statement.exec();
  statement.reset();  // an unfinished statement would keep the transaction open
}

void check_key(const char* what, const std::string& key, std::array<const char*, 2> reserved) {
  if (key.empty() || key.size() > kMaxNameLength || key == reserved[0] || key == reserved[1]) {
    throw InvalidArgument("study: expected a {} of 1 to {} bytes other than '{}' and '{}', got '{}'", what,
                          kMaxNameLength, reserved[0], reserved[1], key);
  }
}

void check_definition(const StudyDefinition& definition) {
  if (definition.name.empty() || definition.name.size() > kMaxNameLength) {
    throw InvalidArgument("study: expected a name of 1 to {} bytes, got '{}'", kMaxNameLength, definition.name);
  }
  for (const auto& [key, value] : definition.attributes) check_key("study attribute", key, {kSpaceKey, kBaseKey});
}

Attributes definition_attributes(const StudyDefinition& definition) {
  Attributes all = definition.attributes;
  all[kSpaceKey] = definition.space.to_json();
  all[kBaseKey] = setting_json(definition.base);
  return all;
}

/// Adds the study to a file that has the tables.
void insert_study(SQLite::Database& database, const StudyDefinition& definition) {
  SQLite::Statement study(database, "INSERT INTO studies (study_name) VALUES (?)");
  execute(study, definition.name);
  const int64_t study_id = database.getLastInsertRowid();
  SQLite::Statement direction(
      database, "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', ?, 0)");
  execute(direction, study_id);
  SQLite::Statement attribute(database,
                              "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?)");
  json keys = json::array();
  for (const auto& [key, value] : definition_attributes(definition)) {
    execute(attribute, study_id, key, dump(value));
    keys.push_back(key);
  }
  SQLite::Statement defined(database,
                            "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?)");
  execute(defined, study_id, kDefinitionKey, dump(keys));
  execute(defined, study_id, kTimesKey, dump("utc"));
}

/// Adds the study to a file that has others, unless it is there.
void add_study(SQLite::Database& database, const StudyDefinition& definition) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement same_name(database, "SELECT 1 FROM studies WHERE study_name = ?");
  same_name.bind(1, definition.name);
  if (same_name.executeStep()) return;
  insert_study(database, definition);
  transaction.commit();
}

/// What a stored study has otherwise than the definition that it is opened with, a text each.
class Differences {
 public:
  /// Notes a value that is not the expected one; null: there is none.
  void compare(const std::string& what, const json& expected, const json& stored) {
    if (expected == stored) return;
    texts_.push_back(fmt::format("expected {} = {}, got {}", what, expected.is_null() ? "none" : dump(expected),
                                 stored.is_null() ? "none" : dump(stored)));
  }

  /// Throws where there are any, naming all.
  void refuse(const std::filesystem::path& path) const {
    if (texts_.empty()) return;
    throw StudyError("study '{}': {} (expected: what this search has; got: what the study has)", path.string(),
                     fmt::join(texts_, "; "));
  }

 private:
  std::vector<std::string> texts_;
};

void compare_space(const StudyDefinition& definition, const SearchSpace& space, const Setting& base,
                   Differences& differences) {
  if (space.techniques() != definition.space.techniques()) {
    differences.compare(kSpaceKey, definition.space.keys(), space.keys());
  } else {
    const json expected = definition.space.to_json(), stored = space.to_json();
    for (size_t d = 0; d < expected.size(); ++d) {
      json both = expected[d];
      both.update(stored[d]);
      for (const auto& [field, value] : both.items()) {
        differences.compare(fmt::format("{} {} {}", kSpaceKey, expected[d].at("key").get<std::string>(), field),
                            expected[d].value(field, json()), stored[d].value(field, json()));
      }
    }
  }
  for (const TechniqueInfo& info : techniques()) {
    differences.compare(fmt::format("{} {}", kBaseKey, info.key), value_json(info, definition.base[info.id]),
                        value_json(info, base[info.id]));
  }
}

/// `defined` are the keys of the stored definition: what else is stored was set later.
void compare_attributes(const Attributes& attributes, const Attributes& stored, const std::vector<std::string>& defined,
                        Differences& differences) {
  for (const auto& [key, value] : attributes) {
    const auto found = stored.find(key);
    // What the file would hold: infinity, for one, becomes null on the way.
    differences.compare(key, json::parse(dump(value)), found == stored.end() ? json() : found->second);
  }
  for (const std::string& key : defined) {
    const auto found = stored.find(key);
    if (found == stored.end() || attributes.contains(key) || key == kSpaceKey || key == kBaseKey) continue;
    differences.compare(key, json(), found->second);
  }
}

/// A connection for reading to a file that must be there.
SQLite::Database open_existing(const std::filesystem::path& path, const StudyOptions& options) {
  if (!study_file::exists(path)) throw StudyError("study '{}': expected a study, got no such file", path.string());
  SQLite::Database database = study_file::open_reader(path, options.busy_timeout_ms);
  study_file::check_tables(path, database);
  return database;
}

StudyWriter& expect_writer(const std::filesystem::path& path, const std::unique_ptr<StudyWriter>& writer) {
  if (writer == nullptr) throw StudyError("study '{}': expected it open for writing, got read-only", path.string());
  return *writer;
}

}  // namespace

StudyWriter::StudyWriter(const SQLite::Database& database)
    : insert_trial(database,
                   "INSERT INTO trials (number, study_id, state, datetime_start) VALUES (?, ?, 'RUNNING', ?)"),
      insert_param(database,
                   "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
                   "VALUES (?, ?, ?, ?)"),
      insert_value(database, "INSERT INTO trial_values (trial_id, value, value_type, objective) VALUES (?, ?, ?, 0)"),
      insert_intermediate(database,
                          "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, "
                          "intermediate_value_type) VALUES (?, ?, ?, ?)"),
      upsert_attribute(database,
                       "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?, ?, ?) "
                       "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json"),
      end_trial(database, "UPDATE trials SET state = ?, datetime_complete = ? WHERE trial_id = ?") {}

Study::Study(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Study::~Study() = default;
Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;

Study Study::create_or_open(const std::filesystem::path& path, const StudyDefinition& definition,
                            const StudyOptions& options) {
  check_definition(definition);
  if (study_file::exists(path)) {
    // Look before opening it for writing: a file that is no study is not touched.
    SQLite::Database reader = study_file::open_reader(path, options.busy_timeout_ms);
    study_file::check_tables(path, reader);
  } else {
    study_file::create(path, [&](SQLite::Database& database) { insert_study(database, definition); });
  }
  return study_file::guarded(path, [&] {
    SQLite::Database database = study_file::open_writer(path, options.busy_timeout_ms);
    add_study(database, definition);
    std::unique_ptr<Impl> impl = Impl::load(path, std::move(database), definition.name);
    Differences differences;
    compare_attributes(definition.attributes, read_attributes(impl->database, impl->study_id),
                       read_definition_keys(impl->database, impl->study_id), differences);
    compare_space(definition, impl->space, impl->base, differences);
    differences.refuse(path);
    for (const Dimension& dimension : impl->space.dimensions()) {
      impl->distributions.push_back(study_schema::distribution_json(dimension));
    }
    migrate(impl->database, impl->study_id);
    impl->zone = study_schema::TimeZone::kUtc;
    impl->writer = std::make_unique<StudyWriter>(impl->database);
    return Study(std::move(impl));
  });
}

Study Study::open_read_only(const std::filesystem::path& path, const std::string& name, const StudyOptions& options) {
  return study_file::guarded(path, [&] { return Study(Impl::load(path, open_existing(path, options), name)); });
}

std::vector<std::string> study_names(const std::filesystem::path& path, const StudyOptions& options) {
  return study_file::guarded(path, [&] {
    const SQLite::Database database = open_existing(path, options);
    std::vector<std::string> names;
    SQLite::Statement statement(database, "SELECT study_name FROM studies ORDER BY study_id");
    while (statement.executeStep()) names.push_back(statement.getColumn(0).getString());
    return names;
  });
}

void copy_studies(const std::filesystem::path& from, const std::filesystem::path& to, const StudyOptions& options) {
  SQLite::Database database = open_existing(from, options);
  if (study_file::exists(to) || !study_file::copy(database, to)) {
    throw StudyError("study '{}': expected a new file, got one that exists", to.string());
  }
}

const std::filesystem::path& Study::path() const {
  return impl_->path;
}

const std::string& Study::name() const {
  return impl_->name;
}

const SearchSpace& Study::space() const {
  return impl_->space;
}

const Setting& Study::base() const {
  return impl_->base;
}

void Study::set_attribute(const std::string& key, const json& value) {
  check_key("study attribute", key, {kSpaceKey, kBaseKey});
  expect_writer(impl_->path, impl_->writer);
  study_file::guarded(impl_->path, [&] {
    SQLite::Statement statement(impl_->database,
                                "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?) "
                                "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json");
    execute(statement, impl_->study_id, key, dump(value));
  });
}

int64_t Study::begin_trial(uint64_t seed, std::span<const double> position, const Attributes& attributes) {
  StudyWriter& writer = expect_writer(impl_->path, impl_->writer);
  const Setting setting = impl_->space.decode(position, impl_->base);
  for (const auto& [key, value] : attributes) check_key("trial attribute", key, {kSeedKey, kPositionKey});
  return study_file::guarded(impl_->path, [&] {
    SQLite::Transaction transaction(impl_->database, SQLite::TransactionBehavior::IMMEDIATE);
    const int64_t number = num_trials();
    execute(writer.insert_trial, number, impl_->study_id, study_schema::format_time(TrialRecord::Time::clock::now()));
    const int64_t trial_id = impl_->database.getLastInsertRowid();
    for (size_t d = 0; d < position.size(); ++d) {
      const Dimension& dimension = impl_->space.dimensions()[d];
      if (!SearchSpace::exists(dimension, setting)) continue;  // as Optuna has conditional parameters
      execute(writer.insert_param, trial_id, std::string(technique(dimension.id).key),
              stored_value(dimension, setting[dimension.id]), impl_->distributions[d]);
    }
    execute(writer.upsert_attribute, trial_id, kSeedKey, dump(std::to_string(seed)));
    execute(writer.upsert_attribute, trial_id, kPositionKey,
            dump(std::vector<double>(position.begin(), position.end())));
    for (const auto& [key, value] : attributes) execute(writer.upsert_attribute, trial_id, key, dump(value));
    transaction.commit();
    return number;
  });
}

void Study::finish_trial(int64_t number, const TrialResult& result) {
  StudyWriter& writer = expect_writer(impl_->path, impl_->writer);
  if (result.state == TrialState::kRunning || result.state == TrialState::kWaiting) {
    throw InvalidArgument("study: expected trial {} to end COMPLETE, PRUNED or FAIL, got {}", number,
                          trial_state_name(result.state));
  }
  if (result.state == TrialState::kComplete && std::isnan(result.value)) {
    throw InvalidArgument("study: expected trial {} to be COMPLETE with a value, got NaN", number);
  }
  for (const auto& [key, value] : result.attributes) check_key("trial attribute", key, {kSeedKey, kPositionKey});
  study_file::guarded(impl_->path, [&] {
    SQLite::Transaction transaction(impl_->database, SQLite::TransactionBehavior::IMMEDIATE);
    const Impl::Row row = impl_->expect(number);
    if (row.state != trial_state_name(TrialState::kRunning)) {
      throw StudyError("study '{}': expected trial {} to be RUNNING, got {}", impl_->path.string(), number, row.state);
    }
    execute(writer.end_trial, std::string(trial_state_name(result.state)),
            study_schema::format_time(TrialRecord::Time::clock::now()), row.trial_id);
    if (!std::isnan(result.value)) {
      execute(writer.insert_value, row.trial_id, result.value, study_schema::value_type(result.value));
    }
    int64_t step = 0;
    for (const double value : result.intermediate) {
      execute(writer.insert_intermediate, row.trial_id, ++step, value, study_schema::value_type(value));
    }
    for (const auto& [key, value] : result.attributes) execute(writer.upsert_attribute, row.trial_id, key, dump(value));
    transaction.commit();
  });
}

void Study::set_trial_attribute(int64_t number, const std::string& key, const json& value) {
  StudyWriter& writer = expect_writer(impl_->path, impl_->writer);
  check_key("trial attribute", key, {kSeedKey, kPositionKey});
  study_file::guarded(impl_->path,
                      [&] { execute(writer.upsert_attribute, impl_->expect(number).trial_id, key, dump(value)); });
}

}  // namespace murmur
