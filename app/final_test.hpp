#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "app/options.hpp"
#include "pso/study.hpp"

namespace murmur::app {

/// One row of a search's last table: a setting, trained again on train + validation with several seeds.
struct FinalRow {
  int64_t trial;  // -1: the baseline, all off
  double validation_accuracy;
  std::vector<double> test_accuracies;  // NaN of a training that diverged
};

struct FinalTest {
  std::vector<FinalRow> rows;  // the baseline first, then the best trials
};

/// The study's last step: the best trials and the baseline are trained again on train + validation, `repeats` times
/// each with other seeds, all at once, and tested. What a finished study already knows is not computed again.
FinalTest final_test(const CommonOptions& options, const ModelSpecification& model, Study& study, int64_t top,
                     int64_t repeats);

/// A table on standard output.
void print_final_test(const FinalTest& test, const Study& study);

nlohmann::json to_json(const FinalTest& test, const Study& study);

}  // namespace murmur::app
