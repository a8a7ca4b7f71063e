#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "murmur/pso/confirmation.hpp"
#include "murmur/pso/final_test.hpp"

// What a search comes to: its best trials are confirmed, and the best of those is tested.
namespace murmur::app {

struct AnswerOptions {
  int64_t confirm = 10;  // the best trials that are trained again; 0: the best one is tested as it is
  int64_t repeats = 5;   // trainings of each, and of each in the final test
  int64_t num_epochs = 0;
  bool quiet = false;
};

struct Answer {
  std::optional<Confirmation> confirmation;  // none with `confirm` = 0
  std::optional<FinalTest> test;             // none where there is nothing to test
  int signal = 0;                            // that stopped it; what it has by then is whole
};

/// The last two steps of a search, with their progress. What the study has of them is not computed again.
Answer find_answer(const AnswerOptions& options, const SearchDefinition& search, Study& study, const TrainingData& data,
                   const TrainerOptions& trainer);

/// Tables for people, no wider than `width` where words allow, each with the command that trains a row of it again, and
/// the verdict as the last line.
std::string answer_text(const Answer& answer, const Study& study, const SearchDefinition& search, size_t width);

/// "confirmation", "verdict" and the rows of the final test.
nlohmann::json answer_json(const Answer& answer, const Study& study, const SearchDefinition& search);

/// "confirmation" and "verdict" of the former.
nlohmann::json confirmation_json(const Confirmation& confirmation, const Study& study);
nlohmann::json verdict_json(const FinalTest& test, const SearchDefinition& search);

/// What differs from the baseline: "dropout=0.1 optimizer=adam"
std::string describe_setting(const Setting& base, const Setting& setting);

/// Why nothing has been tested.
std::string why_not_tested(const Answer& answer);

/// The command that trains a trial, or the baseline (-1), again as the final test did.
std::string final_test_command(const FinalTest& test, const Study& study, int64_t trial);

}  // namespace murmur::app
