#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "murmur/pso/study_impl.hpp"
#include "murmur/pso/study_schema.hpp"

namespace murmur {
namespace {

using study_schema::TimeZone;

bool has_old_revision(const SQLite::Database& database) {
  SQLite::Statement statement(database, "SELECT 1 FROM alembic_version WHERE version_num = ?");
  statement.bind(1, study_schema::kOldRevision);
  return statement.executeStep();
}

/// What Optuna's own `storage upgrade` does.
void upgrade_tables(SQLite::Database& database) {
  // A copy whose stamp was set back for an older Optuna has the index.
  if (database.execAndGet("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = 'ix_trials_study_id'")
          .getInt() == 0) {
    database.exec("CREATE INDEX IF NOT EXISTS trials_study_id_key ON trials (study_id)");
  }
  SQLite::Statement stamp(database, "UPDATE alembic_version SET version_num = ?");
  stamp.bind(1, study_schema::kRevision);
  stamp.exec();
}

std::optional<std::string> local_to_utc(const std::string& text) {
  const auto time = study_schema::parse_time(text, TimeZone::kLocal);
  if (!time) return std::nullopt;
  return study_schema::format_time(*time);
}

void local_times_to_utc(SQLite::Database& database, int64_t study_id) {
  struct Row {
    int64_t trial_id;
    std::optional<std::string> started, finished;
  };
  std::vector<Row> rows;
  {
    SQLite::Statement statement(database,
                                "SELECT trial_id, datetime_start, datetime_complete FROM trials WHERE study_id = ?");
    statement.bind(1, study_id);
    while (statement.executeStep()) {
      rows.push_back({statement.getColumn(0).getInt64(), local_to_utc(statement.getColumn(1).getString()),
                      local_to_utc(statement.getColumn(2).getString())});
    }
  }
  SQLite::Statement update(database, "UPDATE trials SET datetime_start = ?, datetime_complete = ? WHERE trial_id = ?");
  for (const Row& row : rows) {
    update.clearBindings();  // NULL where there is no time
    if (row.started) update.bind(1, *row.started);
    if (row.finished) update.bind(2, *row.finished);
    update.bind(3, row.trial_id);
    update.exec();
    update.reset();
  }
  SQLite::Statement mark(database,
                         R"(INSERT INTO study_system_attributes (study_id, "key", value_json) VALUES (?, ?, '"utc"'))");
  mark.bind(1, study_id);
  mark.bind(2, kTimesKey);
  mark.exec();
}

}  // namespace

TimeZone read_zone(const SQLite::Database& database, int64_t study_id) {
  SQLite::Statement statement(database, "SELECT 1 FROM study_system_attributes WHERE study_id = ? AND \"key\" = ?");
  statement.bind(1, study_id);
  statement.bind(2, kTimesKey);
  return statement.executeStep() ? TimeZone::kUtc : TimeZone::kLocal;
}

void migrate(SQLite::Database& database, int64_t study_id) {
  if (!has_old_revision(database) && read_zone(database, study_id) == TimeZone::kUtc) return;
  // Look again with the file locked: another process may have opened it for writing meanwhile.
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  if (has_old_revision(database)) upgrade_tables(database);
  if (read_zone(database, study_id) == TimeZone::kLocal) local_times_to_utc(database, study_id);
  transaction.commit();
}

}  // namespace murmur
