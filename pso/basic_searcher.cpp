#include "murmur/pso/basic_searcher.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {

std::vector<Candidate> BasicSearcher::ask(int64_t n) {
  if (n < 0) throw InvalidArgument("{}: expected to be asked for n >= 0 candidates, got {}", name_, n);
  std::vector<Candidate> candidates;
  for (; n > 0; --n) {
    std::optional<Proposal> proposal = propose(num_asked_);
    if (!proposal) break;
    const int64_t id = num_asked_++;
    candidates.push_back({id, proposal->particle, std::move(proposal->position)});
    running_.emplace(id, candidates.back());
  }
  return candidates;
}

void BasicSearcher::tell(int64_t id, double fitness) {
  const auto found = running_.find(id);
  if (found == running_.end()) {
    throw InvalidArgument("{}: expected a candidate that was asked and not told yet, got id {}", name_, id);
  }
  const Candidate candidate = std::move(found->second);
  running_.erase(found);
  ++num_told_;
  if (fitness > (best_ ? best_->fitness : kNoFitness)) {  // false for NaN
    best_ = Best{candidate.position, fitness, id};
    improved_at_ = num_told_;
  }
  learn(candidate, std::isnan(fitness) ? kNoFitness : fitness);
}

std::vector<Candidate> BasicSearcher::outstanding() const {
  std::vector<Candidate> candidates;
  for (const auto& [id, candidate] : running_) candidates.push_back(candidate);
  return candidates;
}

}  // namespace murmur
