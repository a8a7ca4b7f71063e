#include "murmur/pso/searcher.hpp"

#include "murmur/engine/error.hpp"

namespace murmur {

void Searcher::replay(std::span<const ToldCandidate> told, int64_t num_asked,
                      const std::function<void(const Candidate&)>& asked) {
  if (this->num_asked() != 0) {
    throw InvalidArgument("search: expected to replay on a new searcher, got {} asks", this->num_asked());
  }
  const auto ask_up_to = [&](int64_t count) {
    if (count < this->num_asked()) {
      throw InvalidArgument("search: expected at least {} asks, got {}", this->num_asked(), count);
    }
    for (const Candidate& candidate : ask(count - this->num_asked())) {
      if (asked) asked(candidate);
    }
    if (this->num_asked() < count) {
      throw InvalidArgument("search: expected at most {} asks after {} tells, got {}", this->num_asked(), num_told(),
                            count);
    }
  };
  for (const ToldCandidate& candidate : told) {
    ask_up_to(candidate.num_asked);
    tell(candidate.id, candidate.fitness);
  }
  ask_up_to(num_asked);
}

}  // namespace murmur
