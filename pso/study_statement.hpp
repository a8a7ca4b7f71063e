#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

// How values get into the statements that write, and out of those that read. Private to the study.
namespace murmur::study_statement {

inline constexpr size_t kMaxNameLength = 512;  // Optuna's columns

/// JSON as Python's json.dumps escapes it: plain ASCII; bytes that are no UTF-8 are replaced.
std::string dump(const nlohmann::json& value);

/// NULL is 0. Throws InvalidArgument for what is no number, naming its column.
double number_in(const SQLite::Column& column);

/// Throws InvalidArgument for a key that is too long, or empty, or the study's own.
void check_key(const char* what, const std::string& key, std::array<const char*, 2> reserved);

inline void bind(SQLite::Statement& statement, int index, double value) {
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

}  // namespace murmur::study_statement
