#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "murmur/pso/study.hpp"

namespace murmur::app {

/// The trials of a study, for a report: columns that are filled trial by trial.
class TrialColumns {
 public:
  struct Trial {
    int64_t number;
    TrialState state;
    double value;  // NaN: none
    const std::vector<double>& curve;
    std::optional<TrialRecord::Time> started, finished;
    int64_t stage = 0;
    int64_t particle = -1;
    bool is_pruned = false;  // by a pruner, and not by the threshold
  };

  explicit TrialColumns(size_t num_parameters) : parameters_(num_parameters) {}

  void add(const Trial& trial);
  /// One value a trial; NaN: the trial does not have it.
  void add_parameter(size_t parameter, double value) { parameters_[parameter].push_back(value); }

  /// Fills in "trials", "params" and "curves".
  void put_into(nlohmann::json& study) const;

 private:
  std::vector<int64_t> numbers_, particles_, epochs_;
  std::vector<uint8_t> states_, stages_;
  std::vector<double> values_, curves_;
  std::vector<std::optional<TrialRecord::Time>> started_, finished_;
  std::vector<std::vector<double>> parameters_;
};

}  // namespace murmur::app
