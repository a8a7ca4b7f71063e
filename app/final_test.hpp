#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "app/options.hpp"
#include "murmur/pso/study.hpp"

namespace murmur::app {

/// One row of a search's last table: a setting, trained again on train + validation with several seeds.
struct FinalRow {
  int64_t trial;  // -1: the baseline, all off
  double validation_accuracy;
  std::vector<double> test_accuracies;  // NaN of a training that diverged
};

struct FinalTest {
  int64_t num_epochs;          // of a training
  int64_t schedule_epochs;     // that the schedules of the settings refer to
  uint64_t first_seed;         // of a row's trainings; the others follow
  std::vector<FinalRow> rows;  // the baseline first, then the best trials
};

/// A search has fewer trials than this, and trial i the seed SEED + i: seeds from SEED + this on are no trial's.
inline constexpr int64_t kMaxTrials = int64_t{1} << 40;

struct FinalTestOptions {
  int64_t top = 5;         // the best trials
  int64_t repeats = 5;     // trainings of each
  int64_t num_epochs = 0;  // of a training; 0: as many as a trial had
};

/// The study's last step: the best trials and the baseline are trained again on train + validation, `repeats` times
/// each with seeds that no trial has, all at once, and tested. Where they train for another number of epochs than the
/// trials their schedules are transferred. What a finished study already knows is not computed again.
FinalTest final_test(const CommonOptions& options, const ModelSpecification& model, Study& study,
                     const FinalTestOptions& test_options);

/// A table on standard output.
void print_final_test(const FinalTest& test, const Study& study);

nlohmann::json to_json(const FinalTest& test, const Study& study);

}  // namespace murmur::app
