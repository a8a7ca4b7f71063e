#include "murmur/pso/study.hpp"

#include <fmt/ranges.h>

#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/study_file.hpp"
#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"
#include "murmur/pso/study_statement.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using study_statement::check_key;
using study_statement::dump;
using study_statement::execute;
using study_statement::kMaxNameLength;

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

/// What the file has of a new study: keys, and values in JSON.
struct StudyRows {
  std::string name;
  std::vector<std::pair<std::string, std::string>> user_attributes, system_attributes;
};

/// Made before there is a file: where the memory ends while JSON is destroyed, so does the process, and cleans nothing
/// up.
StudyRows rows_of(const StudyDefinition& definition) {
  StudyRows rows{definition.name, {}, {}};
  json keys = json::array();
  for (const auto& [key, value] : definition_attributes(definition)) {
    rows.user_attributes.emplace_back(key, dump(value));
    keys.push_back(key);
  }
  rows.system_attributes = {{kDefinitionKey, dump(keys)}, {kTimesKey, dump("utc")}};
  return rows;
}

/// Adds the study to a file that has the tables.
void insert_study(SQLite::Database& database, const StudyRows& rows) {
  SQLite::Statement study(database, "INSERT INTO studies (study_name) VALUES (?)");
  execute(study, rows.name);
  const int64_t study_id = database.getLastInsertRowid();
  SQLite::Statement direction(
      database, "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', ?, 0)");
  execute(direction, study_id);
  SQLite::Statement user(database,
                         "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?)");
  for (const auto& [key, value] : rows.user_attributes) execute(user, study_id, key, value);
  SQLite::Statement system(database,
                           "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?)");
  for (const auto& [key, value] : rows.system_attributes) execute(system, study_id, key, value);
}

/// Adds the study to a file that has others, unless it is there.
void add_study(SQLite::Database& database, const StudyRows& rows) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement same_name(database, "SELECT 1 FROM studies WHERE study_name = ?");
  same_name.bind(1, rows.name);
  if (same_name.executeStep()) return;
  insert_study(database, rows);
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
  if (space.keys() != definition.space.keys()) {
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
    differences.compare(fmt::format("{} {}", kBaseKey, info.key), value_json(definition.base, info.id),
                        value_json(base, info.id));
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

/// Throws StudyError where the stored study is not the defined one.
void refuse_another(const StudyDefinition& definition, const SearchSpace& space, const Setting& base,
                    SQLite::Database& database, int64_t study_id, const std::filesystem::path& path) {
  Differences differences;
  compare_attributes(definition.attributes, read_attributes(database, study_id),
                     read_definition_keys(database, study_id), differences);
  compare_space(definition, space, base, differences);
  differences.refuse(path);
}

}  // namespace

SQLite::Database open_existing(const std::filesystem::path& path, const StudyOptions& options) {
  if (!study_file::exists(path)) throw StudyError("study '{}': expected a study, got no such file", path.string());
  SQLite::Database database = study_file::open_reader(path, options.busy_timeout_ms);
  study_file::check_tables(path, database);
  return database;
}

Study::Study(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Study::~Study() = default;
Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;

Study Study::create_or_open(const std::filesystem::path& path, const StudyDefinition& definition,
                            const StudyOptions& options) {
  check_definition(definition);
  const StudyRows rows = rows_of(definition);
  if (study_file::exists(path)) {
    // Look before opening it for writing: a file that is no study is not touched.
    SQLite::Database reader = study_file::open_reader(path, options.busy_timeout_ms);
    study_file::check_tables(path, reader);
  } else {
    study_file::create(path, [&](SQLite::Database& database) { insert_study(database, rows); });
  }
  return study_file::guarded(path, [&] {
    SQLite::Database database = study_file::open_writer(path, options.busy_timeout_ms);
    add_study(database, rows);
    std::unique_ptr<Impl> impl = Impl::load(path, std::move(database), definition.name);
    refuse_another(definition, impl->space, impl->base, impl->database, impl->study_id, path);
    for (const Dimension& dimension : impl->space.dimensions()) {
      impl->distributions.push_back(study_schema::distribution_json(dimension));
    }
    migrate(impl->database, impl->study_id);
    impl->zone = study_schema::TimeZone::kUtc;
    impl->writer = std::make_unique<StudyWriter>(impl->database);
    return Study(std::move(impl));
  });
}

std::optional<int64_t> Study::count_trials(const std::filesystem::path& path, const StudyDefinition& definition,
                                           const StudyOptions& options) {
  check_definition(definition);
  if (!study_file::exists(path) || !std::ranges::count(study_names(path, options), definition.name)) return {};
  return study_file::guarded(path, [&] {
    std::unique_ptr<Impl> impl = Impl::load(path, open_existing(path, options), definition.name);
    refuse_another(definition, impl->space, impl->base, impl->database, impl->study_id, path);
    return std::optional(Study(std::move(impl)).num_trials());
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

}  // namespace murmur
