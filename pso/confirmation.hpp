#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "murmur/pso/trainings.hpp"

// Which of a search's best trials is the best: the highest of many single results is partly luck.
namespace murmur {

/// A setting, trained again with several seeds on the training split.
struct ConfirmedRow {
  int64_t trial;               // -1: the baseline
  double validation_accuracy;  // of the trial
  Setting setting;
  std::vector<double> accuracies{};  // of validation, after the last epoch; NaN of a training that diverged
  std::string fault{};               // why it is not stable: "2 of 5 trainings diverged"; empty where it is
};

struct Confirmation {
  int64_t num_epochs;   // of a training
  uint64_t first_seed;  // of a row's trainings; the others follow
  ConfirmedRow baseline;
  std::vector<ConfirmedRow> rows{};  // those that are stable by their mean, the best first; then the others

  /// None where no row is stable.
  const ConfirmedRow* winner() const;
  /// True where a stable row has a higher mean than the baseline.
  bool beats_baseline() const;
};

struct ConfirmationOptions {
  int64_t count = 10;      // trials
  int64_t repeats = 5;     // trainings of each
  int64_t num_epochs = 0;  // of a training; 0: as many as a trial had
  int64_t num_slots = 32;  // trained at once; changes no result
};

/// Behind the seeds of trials and of final tests.
inline constexpr uint64_t kConfirmationSeeds = uint64_t{kMaxTrials} + (uint64_t{1} << 29);

/// The complete trials of the highest values, the best first and the first of equals, whose settings differ from one
/// another and from the study's base.
std::vector<TrialRecord> best_trials(const Study& study, int64_t count);
std::vector<TrialRecord> best_trials(std::vector<TrialRecord> trials, const Setting& base, int64_t count);

/// Why trainings of one setting are not stable, or nothing: one diverged, ended below `chance`, or ended more than 0.2
/// below the median of them.
std::string instability(const std::vector<double>& accuracies, double chance);

/// Trains the best trials and the baseline again, all with the same seeds that no trial has, and ranks them. Chance is
/// the search's `abort_below`. What the study has of it is not trained again (see `run_trainings`).
/// None where `on_epoch` stopped it. Throws: StudyError; what training throws.
std::optional<Confirmation> confirm(Study& study, const SearchDefinition& search, const TrainingData& data,
                                    const TrainerOptions& trainer, const ConfirmationOptions& options,
                                    const OnTrainingsEpoch& on_epoch = {});

/// What a study has of its last confirmation. `trials` are the study's.
struct StoredConfirmation {
  Confirmation confirmation;  // ranked by what has ended
  int64_t num_missing;        // trainings that have not
};

/// None before there was one. Throws: StudyError.
std::optional<StoredConfirmation> stored_confirmation(const Study& study, const SearchDefinition& search,
                                                      std::span<const TrialRecord> trials);

}  // namespace murmur
