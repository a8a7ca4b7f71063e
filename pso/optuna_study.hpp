#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "murmur/pso/study.hpp"

// Studies of any program in Optuna's tables: what is there, and nothing about what it means.
namespace murmur {

/// A parameter over all trials.
struct OptunaParameter {
  std::string name;
  Kind kind = Kind::kFloat;
  bool is_log = false;
  double low = 0, high = 0;            // over all trials; 0 with choices
  std::vector<std::string> choices{};  // of a category; what is no text as JSON has it
  std::vector<double> values{};        // one a trial, of a category its number; NaN: the trial does not have it
};

/// Columns, one entry a trial in the order of their numbers.
struct OptunaStudy {
  std::string name;
  bool is_maximized = true;
  int64_t num_objectives = 1;  // `values` are those of the first
  Attributes attributes;       // of the user; what is no JSON is left out
  std::vector<OptunaParameter> parameters;
  std::vector<int64_t> numbers;
  std::vector<TrialState> states;
  std::vector<double> values;                     // NaN: none
  std::vector<std::vector<double>> intermediate;  // in the order of their steps
  std::vector<std::optional<TrialRecord::Time>> started, finished;
};

/// True where the study has what `Study::open_read_only` needs. The name is needed only where the file has several.
/// Throws: StudyError.
bool is_made_by_murmur(const std::filesystem::path& path, const std::string& name = "",
                       const StudyOptions& options = {});

/// All of a study as of one moment. Throws: StudyError.
OptunaStudy read_optuna_study(const std::filesystem::path& path, const std::string& name = "",
                              const StudyOptions& options = {});

}  // namespace murmur
