#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "murmur/layers/population_trainer.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/study.hpp"

namespace murmur {

struct Training {
  Setting setting;  // schedules as they were found, for the search's epochs
  uint64_t seed;
};

struct TrainingOutcome {
  double validation_accuracy;  // after its last epoch; NaN: it diverged
  int64_t num_epochs;          // that it was trained for: fewer than asked where it was aborted
};

struct TrainingsOptions {
  int64_t num_epochs = 20;  // schedules are transferred where the search had others
  int64_t num_slots = 32;   // trained at once; changes no result
  double abort_below = 0;   // as in a search
};

struct TrainingsProgress {
  int64_t num_done = 0, num_running = 0, num_all = 0;
  int64_t num_epochs_done = 0;  // in this call, of all trainings
  int64_t num_epochs_left = 0;  // of all trainings, at most
};

/// Called after each epoch; false stops the trainings there.
using OnTrainingsEpoch = std::function<bool(const TrainingsProgress&)>;

/// Trains them all, in their order, and keeps in the study's attribute `name` what has ended, at each epoch's end: the
/// same call on the same study goes on where another was stopped or killed, and one with more trainings behind the same
/// goes on from there. Other trainings, or other options but the slots, start anew and replace what the name had.
/// None where `on_epoch` stopped them. Throws: StudyError; what training throws.
std::optional<std::vector<TrainingOutcome>> run_trainings(Study& study, const std::string& name,
                                                          const SearchDefinition& search, const TrainingData& data,
                                                          const TrainerOptions& trainer,
                                                          const std::vector<Training>& trainings,
                                                          const TrainingsOptions& options,
                                                          const OnTrainingsEpoch& on_epoch = {});

/// Trainings that a study keeps under a name.
struct StoredTrainings {
  TrainingsOptions options;  // all but the slots
  std::vector<Training> trainings;
  std::vector<std::optional<TrainingOutcome>> outcomes;  // none of a training that has not ended

  int64_t num_missing() const;
};

/// None where the study has no such name. Throws: StudyError.
std::optional<StoredTrainings> stored_trainings(const Study& study, const std::string& name);

/// The same without a study: nothing is kept of trainings that were stopped.
std::optional<std::vector<TrainingOutcome>> run_trainings(const SearchDefinition& search, const TrainingData& data,
                                                          const TrainerOptions& trainer,
                                                          const std::vector<Training>& trainings,
                                                          const TrainingsOptions& options,
                                                          const OnTrainingsEpoch& on_epoch = {});

}  // namespace murmur
