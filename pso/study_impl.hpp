#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "murmur/pso/study.hpp"
#include "murmur/pso/study_file.hpp"
#include "murmur/pso/study_schema.hpp"

// Private to the study: shared by study.cpp (opening, writing) and study_read.cpp (reading).
namespace murmur {

/// User attributes that the study itself writes.
inline constexpr const char* kSpaceKey = "search_space";
inline constexpr const char* kBaseKey = "base_setting";
/// System attribute: the keys of the study's definition, all that a command must agree with.
inline constexpr const char* kDefinitionKey = "definition";
/// System attribute: "utc". Studies without it have local times.
inline constexpr const char* kTimesKey = "times";
inline constexpr const char* kSeedKey = "seed";
inline constexpr const char* kPositionKey = "position";

/// The statements that write, prepared once.
struct StudyWriter {
  explicit StudyWriter(const SQLite::Database& database);
  SQLite::Statement insert_trial, insert_param, insert_value, insert_intermediate, upsert_attribute, end_trial;
};

struct Study::Impl {
  Impl(std::filesystem::path file_path, SQLite::Database connection, int64_t id, std::string study_name,
       SearchSpace study_space, Setting study_base)
      : path(std::move(file_path)),
        database(std::move(connection)),
        study_id(id),
        name(std::move(study_name)),
        space(std::move(study_space)),
        base(study_base),
        find_trial(database,
                   "SELECT trial_id, state FROM trials WHERE study_id = ?1 AND number = ?2 AND trial_id >= ?2 + "
                   "(SELECT trial_id FROM trials WHERE study_id = ?1 ORDER BY trial_id LIMIT 1) "
                   "ORDER BY trial_id LIMIT 1"),
        last_number(database, "SELECT number FROM trials WHERE study_id = ? ORDER BY trial_id DESC LIMIT 1") {}

  /// The study of this name (empty: the only one) of a file. Throws: StudyError.
  static std::unique_ptr<Impl> load(const std::filesystem::path& path, SQLite::Database database,
                                    const std::string& name);

  /// The trial's row, or nothing. `state` as Optuna writes it.
  struct Row {
    int64_t trial_id;
    std::string state;
  };
  std::optional<Row> find(int64_t number) const;
  /// As above; throws StudyError when there is no such trial.
  Row expect(int64_t number) const;

  class Reader;
  /// The trials of a range of row ids, in the order of their numbers.
  std::vector<TrialRecord> read(int64_t first_id, int64_t last_id) const;

  /// The trial of this row id. Throws: StudyError when it is not there.
  TrialRecord read_one(int64_t id) const;

  /// What one call writes: a transaction of its own, or a part of the Study::Transaction that there is. Without commit
  /// it is undone, together with that.
  class Write {
   public:
    explicit Write(Impl& impl);
    ~Write();
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    void commit();

   private:
    Impl& impl_;
    bool is_done_ = false;
  };

  std::filesystem::path path;
  mutable SQLite::Database database;
  int64_t study_id;
  std::string name;
  SearchSpace space;
  Setting base;
  study_schema::TimeZone zone = study_schema::TimeZone::kUtc;  // of the stored times
  std::vector<std::string> distributions;                      // per dimension
  std::unique_ptr<StudyWriter> writer;                         // none when open for reading
  bool is_grouped = false;                                     // a Study::Transaction is there
  bool has_failed = false;                                     // in it
  std::optional<SQLite::Transaction> transaction;
  // A trial's number is the count of the study's trials before it: its row is at least as far from the first one's.
  mutable SQLite::Statement find_trial, last_number;
};

/// A connection for reading to a file of studies, which must be there. Throws: StudyError.
SQLite::Database open_existing(const std::filesystem::path& path, const StudyOptions& options);

/// The id and the name of the study of this name, or of the only one. Throws: StudyError.
std::pair<int64_t, std::string> find_study(const std::filesystem::path& path, SQLite::Database& database,
                                           const std::string& name);

/// All user attributes of a study.
Attributes read_attributes(const SQLite::Database& database, int64_t study_id);

/// Brings a file and the study in it to how they are written today: Optuna's tables of `kRevision`, and times in UTC.
/// One transaction; nothing where there is nothing to do.
void migrate(SQLite::Database& database, int64_t study_id);

/// The time zone of a study's times.
study_schema::TimeZone read_zone(const SQLite::Database& database, int64_t study_id);

/// The keys of the definition that a study was created with.
std::vector<std::string> read_definition_keys(const SQLite::Database& database, int64_t study_id);

/// The state of this name. Throws: StudyError.
TrialState parse_trial_state(const std::filesystem::path& path, const std::string& name);

}  // namespace murmur
