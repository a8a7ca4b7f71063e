#include "murmur/pso/random_search.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr int64_t kMaxCandidates = kMaxParticles;  // what the address of a draw has room for
constexpr int64_t kAtOnce = 22;                    // as many as the study's swarm

std::unique_ptr<Searcher> make(const SearcherRequest& request) {
  return std::make_unique<RandomSearch>(request.space.low(), request.space.high(), request.seed,
                                        std::min(kAtOnce, request.num_trials));
}

}  // namespace

SearcherInfo random_search_info() {
  return {.name = "random",
          .help = "uniform settings, as many as --trials says",
          .min_trials = 1,
          .max_trials = kMaxCandidates,
          .options = {},
          .make = make};
}

RandomSearch::RandomSearch(std::vector<double> low, std::vector<double> high, uint64_t seed, int64_t num_at_once)
    : low_(std::move(low)), high_(std::move(high)), seed_(seed), num_at_once_(num_at_once) {
  check_bounds(low_, high_);
}

std::vector<Candidate> RandomSearch::ask(int64_t n) {
  if (n < 0) throw InvalidArgument("random search: expected to be asked for n >= 0 candidates, got {}", n);
  std::vector<Candidate> candidates;
  for (; n > 0 && num_asked_ < kMaxCandidates; --n) {
    outstanding_.insert(num_asked_);
    candidates.push_back(candidate(num_asked_++));
  }
  return candidates;
}

void RandomSearch::tell(int64_t id, double fitness) {
  if (outstanding_.erase(id) == 0) {
    throw InvalidArgument("random search: expected a candidate that was asked and not told yet, got id {}", id);
  }
  const double least = best_ ? best_->fitness : -std::numeric_limits<double>::infinity();
  if (fitness > least) best_ = Best{candidate(id).position, fitness, id};  // false for NaN
}

std::vector<Candidate> RandomSearch::outstanding() const {
  std::vector<Candidate> candidates;
  for (const int64_t id : outstanding_) candidates.push_back(candidate(id));
  return candidates;
}

Candidate RandomSearch::candidate(int64_t id) const {
  return {id, id, uniform_position(low_, high_, id, seed_)};
}

}  // namespace murmur
