#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "murmur/engine/error.hpp"

// Opening, checking and creating the SQLite file of a study. Private to the study.
namespace murmur::study_file {

/// `study '<path>': expected ..., got ...` for an SQLite error.
[[noreturn]] void throw_study_error(const std::filesystem::path& path, const SQLite::Exception& error);

/// Runs f and turns the errors of SQLite, of JSON and of the file system into StudyError, and InvalidArgument too:
/// inside of f it is about settings and attributes that this program cannot have written.
template <class F>
decltype(auto) guarded(const std::filesystem::path& path, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const SQLite::Exception& error) {
    throw_study_error(path, error);
  } catch (const nlohmann::json::exception& error) {
    throw StudyError("study '{}': expected attributes in JSON, got {}", path.string(), error.what());
  } catch (const InvalidArgument& error) {
    throw StudyError("study '{}': {}", path.string(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    throw StudyError("study '{}': expected a file that can be opened, got: {}", path.string(), error.code().message());
  }
}

/// True when something is at the path; throws StudyError when it cannot be a study or its folder is missing.
bool exists(const std::filesystem::path& path);

/// A connection for reading a file that exists, which leaves the file and its folder as they are.
SQLite::Database open_reader(const std::filesystem::path& path, int64_t busy_timeout_ms);

/// A connection for writing a file that exists; throws when it is read-only or locked.
SQLite::Database open_writer(const std::filesystem::path& path, int64_t busy_timeout_ms);

/// Throws StudyError unless the file has Optuna's tables in the version that this program knows.
void check_tables(const std::filesystem::path& path, SQLite::Database& database);

/// Creates the file with Optuna's tables and what `fill` adds. It appears under its name only when it is complete.
/// Does nothing when another process created the file meanwhile.
void create(const std::filesystem::path& path, const std::function<void(SQLite::Database&)>& fill);

/// Writes all that a connection sees, its log too, into one file. False, and nothing done, where there is a file.
bool copy(SQLite::Database& database, const std::filesystem::path& path);

}  // namespace murmur::study_file
