#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/test_problem.hpp"

// Who takes part in a comparison of searchers.
namespace murmur::bench {

/// Evaluates positions for a contestant and keeps the best it was told, whose value without an error is the result.
class Score {
 public:
  Score(const TestProblem& problem, int64_t budget) : problem_(&problem), budget_(budget) {}
  /// What the contestant is told, to be minimised. Beyond the budget nothing counts.
  double evaluate(const std::vector<double>& position);
  int64_t num_evaluations() const { return num_evaluations_; }
  /// Of the best observation, the value without an error.
  double result() const { return result_; }

 private:
  const TestProblem* problem_;
  int64_t budget_;
  int64_t num_evaluations_ = 0;
  double best_ = 0, result_ = 0;
};

struct Contestant {
  std::string name;
  /// Spends the budget. Thread-safe.
  std::function<void(const TestProblem& problem, int64_t budget, uint64_t seed, Score& score)> run;
  int64_t most_evaluations = 0;  // beyond which it takes too long to take part; 0: none
};

/// A searcher of the table, its options those that suit the budget but for those given: "swarm",
/// "swarm:topology=ring:bounds=reflect"; with "start=middle" its first candidate is the middle of the domain. `at_once`
/// candidates are evaluated at once; 0: as many as the searcher says. Throws: InvalidArgument.
Contestant own_contestant(const std::string& text, int64_t at_once);

/// pagmo2's algorithms by name, "pagmo:sade"; none where the program was built without it.
std::vector<std::string> pagmo_names();
/// Throws: InvalidArgument.
Contestant pagmo_contestant(const std::string& text);

}  // namespace murmur::bench
