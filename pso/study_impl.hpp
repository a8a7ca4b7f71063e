#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "murmur/pso/study.hpp"
#include "murmur/pso/study_file.hpp"

// Private to the study: shared by study.cpp (opening, writing) and study_read.cpp (reading).
namespace murmur {

/// User attributes that the study itself writes.
inline constexpr const char* kSpaceKey = "search_space";
inline constexpr const char* kBaseKey = "base_setting";
/// System attribute: the keys of the study's definition, all that a command must agree with.
inline constexpr const char* kDefinitionKey = "definition";
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
        base(study_base) {}

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

  /// The trials of a range of row ids, in the order of their numbers.
  std::vector<TrialRecord> read(int64_t first_id, int64_t last_id) const;

  /// The trial of this row id. Throws: StudyError when it is not there.
  TrialRecord read_one(int64_t id) const;

  std::filesystem::path path;
  mutable SQLite::Database database;
  int64_t study_id;
  std::string name;
  SearchSpace space;
  Setting base;
  std::vector<std::string> distributions;  // per dimension
  std::unique_ptr<StudyWriter> writer;     // none when open for reading
};

/// All user attributes of a study.
Attributes read_attributes(const SQLite::Database& database, int64_t study_id);

/// The keys of the definition that a study was created with.
std::vector<std::string> read_definition_keys(const SQLite::Database& database, int64_t study_id);

}  // namespace murmur
