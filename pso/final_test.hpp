#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "murmur/layers/population_trainer.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/study.hpp"

namespace murmur {

/// One row of a search's last table: a setting, trained again on train + validation with several seeds.
struct FinalRow {
  int64_t trial;  // -1: the baseline
  double validation_accuracy;
  Setting setting;
  std::vector<double> test_accuracies{};  // NaN of a training that diverged
};

struct FinalTest {
  int64_t num_epochs;          // of a training
  int64_t schedule_epochs;     // that the schedules of the settings refer to
  uint64_t first_seed;         // of a row's trainings; the others follow
  std::vector<FinalRow> rows;  // the baseline first, then the best trials
};

struct FinalTestOptions {
  int64_t top = 5;         // the best trials
  int64_t repeats = 5;     // trainings of each
  int64_t num_epochs = 0;  // of a training; 0: as many as a trial had
};

/// Called after each epoch of the final test.
using FinalTestProgress = std::function<void(int64_t num_networks, int64_t epoch, int64_t num_epochs)>;

/// The study's last step: the best trials and the baseline are trained again on train + validation, `repeats` times
/// each with seeds that no trial has, all at once, and tested. Where they train for another number of epochs than the
/// trials their schedules are transferred. What a finished study already knows is not computed again.
/// `data` is that of the search, whatever its split; `trainer` says where and how to train.
/// Throws: StudyError; what training throws.
FinalTest final_test(Study& study, const SearchDefinition& search, const TrainingData& data,
                     const TrainerOptions& trainer, const FinalTestOptions& options,
                     const FinalTestProgress& progress = {});

}  // namespace murmur
