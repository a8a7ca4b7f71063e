#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/analysis_report.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/trainings.hpp"

// The analyses of a study: what is trained for each, and what comes of it. A study keeps the outcomes, so that they can
// be had again without training.
namespace murmur::app {

/// Seeds of the analysis: behind those of trials and of final tests.
inline constexpr uint64_t kAblationSeeds = uint64_t{kMaxTrials} + (uint64_t{1} << 30);
inline constexpr uint64_t kSampleSeeds = uint64_t{kMaxTrials} + (uint64_t{1} << 31);

/// What they are called; the study's attribute has "analysis: " in front.
std::string ablation_name(int64_t trial);
std::string sample_name(size_t num_settings, uint64_t seed);
std::string analysis_attribute(const std::string& name);

/// All off and each row with the first seed, then with the next: more seeds go on from there.
std::vector<Training> ablation_trainings(const SearchDefinition& search, std::span<const AblationRow> rows,
                                         int64_t repeats);
AblationReport ablation_report(const Study& study, const SearchDefinition& search, const TrialRecord& trial,
                               std::vector<AblationRow> rows, std::span<const TrainingOutcome> outcomes,
                               int64_t num_epochs);

std::vector<Training> sample_trainings(const SearchDefinition& search, std::span<const TrialRecord> trials,
                                       int64_t num_settings, uint64_t seed);
TrainedSample sample_report(const SearchDefinition& search, std::span<const Training> trainings,
                            std::span<const TrainingOutcome> outcomes, int64_t num_epochs, uint64_t seed);

/// The ablation of a trial that the study has the outcomes of: of all seeds that have ended, at least two. None where
/// there is none; `why` then says what is missing, empty where nothing was begun.
std::optional<AblationReport> stored_ablation(const Study& study, const SearchDefinition& search,
                                              const TrialRecord& trial, std::span<const TrialRecord> trials,
                                              std::string& why);

/// The largest designed sample that has been trained to its end; likewise.
std::optional<TrainedSample> stored_sample(const Study& study, const SearchDefinition& search, std::string& why);

}  // namespace murmur::app
