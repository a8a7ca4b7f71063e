#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "murmur/pso/searcher.hpp"

namespace murmur {

struct SearcherInfo;

/// Its row in the table of searchers.
SearcherInfo random_search_info();

/// Random positions, each evaluated once: candidate i is where particle i of a swarm of this seed starts.
/// It never converges: whoever asks says when to stop, after 2^20 candidates at the latest.
class RandomSearch : public Searcher {
 public:
  /// The position of a candidate by its number.
  using PositionOf = std::function<std::vector<double>(int64_t candidate)>;

  /// `num_at_once` is what `num_at_once()` says; it changes no candidate.
  explicit RandomSearch(PositionOf position, int64_t num_at_once = 1);

  /// Uniform positions. Throws: InvalidArgument.
  RandomSearch(std::vector<double> low, std::vector<double> high, uint64_t seed, int64_t num_at_once = 1);

  std::vector<Candidate> ask(int64_t n) override;
  void tell(int64_t id, double fitness) override;
  std::vector<Candidate> outstanding() const override;
  const std::optional<Best>& best() const override { return best_; }
  bool converged() const override { return false; }
  int64_t num_asked() const override { return num_asked_; }
  int64_t num_told() const override { return num_asked_ - static_cast<int64_t>(outstanding_.size()); }
  int64_t num_at_once() const override { return num_at_once_; }
  std::string describe() const override { return "random search"; }

 private:
  Candidate candidate(int64_t id) const;

  PositionOf position_;
  int64_t num_at_once_;
  int64_t num_asked_ = 0;
  std::set<int64_t> outstanding_;
  std::optional<Best> best_;
};

}  // namespace murmur
