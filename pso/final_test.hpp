#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/layers/population_trainer.hpp"
#include "murmur/pso/analysis/statistics.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/study.hpp"

namespace murmur {

/// A setting, trained again on train + validation with several seeds.
struct FinalRow {
  int64_t trial;  // -1: the baseline
  double validation_accuracy;
  Setting setting;
  std::vector<double> test_accuracies{};  // NaN of a training that diverged
};

struct FinalTest {
  int64_t num_epochs;       // of a training
  int64_t schedule_epochs;  // that the schedules of the settings refer to
  uint64_t first_seed;      // of a row's trainings; the others follow
  FinalRow baseline, winner;

  /// The winner's test accuracies less the baseline's, seed by seed.
  PairedDifference difference() const { return paired_difference(winner.test_accuracies, baseline.test_accuracies); }
};

struct FinalTestOptions {
  int64_t repeats = 5;     // trainings of each
  int64_t num_epochs = 0;  // of a training; 0: as many as a trial had
};

/// Called after each epoch of the final test; false stops it there.
using FinalTestProgress = std::function<bool(int64_t num_networks, int64_t epoch, int64_t num_epochs)>;

/// The study's last step: one trial's setting and the baseline are trained again on train + validation, `repeats` times
/// each with the same seeds, which no trial and no confirmation has, all at once, and tested. Where they train for
/// another number of epochs than the trials their schedules are transferred. What a finished study already knows is not
/// computed again. `data` is that of the search, whatever its split; `trainer` says where and how to train.
/// None where `progress` stopped it. Throws: StudyError; what training throws.
std::optional<FinalTest> final_test(Study& study, const SearchDefinition& search, const TrainingData& data,
                                    const TrainerOptions& trainer, const TrialRecord& trial,
                                    const FinalTestOptions& options, const FinalTestProgress& progress = {});

/// The study's last final test; none before there was one. Throws: StudyError.
std::optional<FinalTest> stored_final_test(const Study& study, const SearchDefinition& search);

/// The trial that the study's last final test has tested; none before there was one. Throws: StudyError.
std::optional<int64_t> tested_trial(const Study& study);

/// "all off" where that is what the study's base is, else "the baseline": a setting's learning rate is the default one
/// of its optimizer, and nothing else is on.
std::string_view baseline_name(const SearchDefinition& search);

}  // namespace murmur
