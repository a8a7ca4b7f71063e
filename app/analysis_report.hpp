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
  uint64_t first_seed;    // the others follow
  std::string base_name;  // "all off"
  std::vector<AblationRow> rows;
  std::vector<std::vector<double>> accuracies;  // of the rows, one a seed; NaN: diverged
  std::vector<double> all_off;
  std::vector<AblationEffect> effects;  // of the rows
  NoiseOfSetting noise;                 // of the trial
  std::string all_off_command;          // that trains all off again
  std::vector<std::string> commands;    // and the rows
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

/// What of the trial's difference its noise gives, in a sentence or two. Empty where no row can tell.
std::string noise_text(const AblationReport& report);

/// Tables on standard output, at most 80 columns wide.
void print_ablation(const AblationReport& report);
void print_sample(const TrainedSample& sample, const SearchSpace& space);
void print_summary(const SearchSummary& summary);

/// The text above, the last of both commands.
void print_noise(const AblationReport& report);

/// A row's label and its command, each on a line.
void print_commands(const AblationReport& report);

/// Reports of `murmur analyse` and `murmur ablate`.
nlohmann::json analysis_json(const AnalysisReport& report, const Study& study);
nlohmann::json ablation_json(const AblationReport& report, const Study& study);

/// "ablation" and "sample" of the former.
nlohmann::json ablation_json(const AblationReport& report);
nlohmann::json sample_json(const TrainedSample& sample, const SearchSpace& space);

/// What the tables have in their columns: "< .001", "-" where there is none; "+1.40 ± 0.20", in points; "helps",
/// "hurts", "diverged", or nothing where nothing is known.
std::string p_text(double p);
std::string points_text(const PairedDifference& difference);
std::string word_of(const PairedDifference& difference, double adjusted_p);

/// Arrays of accuracies and the two ends of an interval; null for what is not finite.
nlohmann::json interval_json(const Interval& interval);

}  // namespace murmur::app
