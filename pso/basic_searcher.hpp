#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "murmur/pso/searcher.hpp"

namespace murmur {

/// What searchers without stages share: candidates by id, the best of them, patience. One of these says what it
/// proposes next and what it learns from a fitness; both must depend on nothing but their order.
class BasicSearcher : public Searcher {
 public:
  std::vector<Candidate> ask(int64_t n) final;
  void tell(int64_t id, double fitness) final;
  std::vector<Candidate> outstanding() const final;
  const std::optional<Best>& best() const final { return best_; }
  /// After `patience` tells without a better best; never with a patience of 0.
  bool converged() const final { return patience_ > 0 && num_told_ - improved_at_ >= patience_; }
  int64_t num_asked() const final { return num_asked_; }
  int64_t num_told() const final { return num_told_; }

 protected:
  struct Proposal {
    int64_t particle;
    std::vector<double> position;
  };
  /// `name` is what messages call it; `patience` in tells.
  BasicSearcher(std::string_view name, int64_t patience) : name_(name), patience_(patience) {}

  /// The next candidate, whose id will be `id`; none when others must be told first.
  virtual std::optional<Proposal> propose(int64_t id) = 0;
  /// The fitness of a candidate; -infinity where it failed. It is no longer outstanding.
  virtual void learn(const Candidate& candidate, double fitness) = 0;

  /// The candidates asked and not told, by id.
  const std::map<int64_t, Candidate>& running() const { return running_; }

 private:
  std::string_view name_;
  int64_t patience_;
  std::map<int64_t, Candidate> running_;
  std::optional<Best> best_;
  int64_t num_asked_ = 0, num_told_ = 0;
  int64_t improved_at_ = 0;  // tells at the last better best
};

}  // namespace murmur
