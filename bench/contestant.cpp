#include "bench/contestant.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur::bench {
namespace {

/// "ring" is text, "0.5" a number.
nlohmann::json value_of(const std::string& text) {
  const nlohmann::json number = nlohmann::json::parse(text, nullptr, false);
  return number.is_discarded() ? nlohmann::json(text) : number;
}

}  // namespace

double Score::evaluate(const std::vector<double>& position) {
  const double observed = problem_->observed(position, num_evaluations_);
  if (num_evaluations_ >= budget_) return observed;
  if (num_evaluations_ == 0 || observed < best_) {
    best_ = observed;
    result_ = problem_->value(position);
  }
  ++num_evaluations_;
  return observed;
}

Contestant own_contestant(const std::string& text, int64_t at_once) {
  std::istringstream stream(text);
  std::string name, word;
  std::getline(stream, name, ':');
  nlohmann::json given = nlohmann::json::object();
  while (std::getline(stream, word, ':')) {
    const size_t equals = std::min(word.find('='), word.size() - 1);
    given[word.substr(0, equals)] = value_of(word.substr(equals + 1));
  }
  const SearcherInfo& info = searcher_info(name);
  const bool from_middle = given.value("start", "") == "middle";
  given.erase("start");
  const auto run = [&info, given, at_once, from_middle](const TestProblem& problem, int64_t budget, uint64_t seed,
                                                        Score& score) {
    const nlohmann::json options = all_options(info, budget_options(info, given, budget));
    const SearchDomain& domain = problem.domain();
    std::vector<std::vector<double>> starts = problem.starts();
    if (from_middle) {
      std::vector<double>& middle = starts.emplace_back();
      for (size_t d = 0; d < domain.low.size(); ++d) middle.push_back(0.5 * (domain.low[d] + domain.high[d]));
    }
    const auto searcher = make_searcher(info, {domain, seed, budget, options, std::move(starts)});
    const int64_t most = at_once > 0 ? at_once : searcher->num_at_once();
    while (score.num_evaluations() < budget) {
      const auto candidates = searcher->ask(std::min(most, budget - score.num_evaluations()));
      if (candidates.empty()) throw Error("{}: expected a candidate after {} tells", info.name, searcher->num_told());
      for (const Candidate& candidate : candidates) searcher->tell(candidate.id, -score.evaluate(candidate.position));
    }
  };
  constexpr int64_t kParzen = 440;  // its time grows with the square of the evaluations
  return {text, run, name == "tpe" ? kParzen : 0};
}

}  // namespace murmur::bench
