#include "murmur/pso/random_search.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/searchers.hpp"

namespace murmur {
namespace {

constexpr int64_t kMaxCandidates = kMaxParticles;  // what the address of a draw has room for
constexpr int64_t kRandomAtOnce = 22;              // as many as the study's swarm

std::unique_ptr<Searcher> make_random_search(const SearcherRequest& request) {
  if (std::ssize(request.starts) > request.num_trials) {
    throw InvalidArgument("--start: expected at most {} starts, as many as --trials, got {}", request.num_trials,
                          request.starts.size());
  }
  const bool is_sparse = request.options.at("initialization") == "sparse";
  const auto position = [domain = request.domain, seed = request.seed, is_sparse,
                         starts = request.starts](int64_t candidate) -> std::vector<double> {
    if (candidate < std::ssize(starts)) return starts[static_cast<size_t>(candidate)];
    return is_sparse ? sparse_position(domain, candidate, seed)
                     : uniform_position(domain.low, domain.high, candidate, seed);
  };
  return std::make_unique<RandomSearch>(position, std::min(kRandomAtOnce, request.num_trials));
}

}  // namespace

SearcherInfo random_search_info() {
  return {.name = "random",
          .help = "random settings, as many as --trials says",
          .min_trials = 1,
          .max_trials = kMaxCandidates,
          .options = {{.name = "initialization",
                       .otherwise = "uniform",
                       .help = "of all settings: uniform, or sparse",
                       .choices = kPositionInitializations}},
          .make = make_random_search};
}

RandomSearch::RandomSearch(PositionOf position, int64_t num_at_once)
    : position_(std::move(position)), num_at_once_(num_at_once) {}

RandomSearch::RandomSearch(std::vector<double> low, std::vector<double> high, uint64_t seed, int64_t num_at_once)
    : num_at_once_(num_at_once) {
  check_bounds(low, high);
  position_ = [low = std::move(low), high = std::move(high), seed](int64_t candidate) {
    return uniform_position(low, high, candidate, seed);
  };
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
  return {id, id, position_(id)};
}

}  // namespace murmur
