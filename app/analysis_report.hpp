#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "murmur/pso/analysis/ablation.hpp"
#include "murmur/pso/analysis/search_summary.hpp"
#include "murmur/pso/analysis/setting_sample.hpp"
#include "murmur/pso/trainings.hpp"

namespace murmur::app {

/// All that was trained around one trial, and what it says.
struct AblationReport {
  int64_t trial;
  int64_t num_epochs;
  uint64_t first_seed;  // the others follow
  std::vector<AblationRow> rows;
  std::vector<std::vector<double>> accuracies;  // of the rows, one a seed; NaN: diverged
  std::vector<double> all_off;
  std::vector<AblationEffect> effects;  // of the rows
};

/// A designed sample, trained, and what it says.
struct TrainedSample {
  uint64_t seed;  // of the design
  int64_t num_epochs;
  std::vector<Setting> settings;
  std::vector<TrainingOutcome> outcomes;
  SampleReport report;
};

struct AnalysisReport {
  std::string study;
  SearchSummary search;
  std::optional<AblationReport> ablation;
  std::optional<TrainedSample> sample;
};

/// Tables on standard output, at most 80 columns wide.
void print_ablation(const AblationReport& report);
void print_sample(const TrainedSample& sample, const SearchSpace& space);
void print_summary(const SearchSummary& summary);

nlohmann::json to_json(const AnalysisReport& report, const SearchSpace& space);

}  // namespace murmur::app
