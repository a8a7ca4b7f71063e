#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "murmur/pso/basic_searcher.hpp"
#include "murmur/pso/search_domain.hpp"
#include "murmur/pso/success_memory.hpp"

namespace murmur {

struct SearcherInfo;

/// Its row in the table of searchers.
SearcherInfo differential_evolution_info();

struct DifferentialEvolutionOptions {
  int64_t population = 30;   // individuals at the start, 4 to 2^20
  int64_t horizon = 0;       // tells over which the population falls to 4; 0: it does not
  int64_t memory = 6;        // pairs of parameters that are remembered, 1 to 1000
  double greediness = 0.11;  // of the population, the best that draw, in (0, 1]
  double archive = 1.0;      // size of the archive of replaced individuals, in populations, in [0, 10]
  int64_t patience = 0;      // tells without a better best until it has converged; 0: never
  uint64_t seed = 0;
};

/// Differential evolution that adapts its parameters to their successes (SHADE; with a horizon L-SHADE), asynchronous.
///
///   donor <- x + F (best - x) + F (a - b),  one of the best; a of the population, b of population and archive
///   trial <- in each dimension the donor's with probability CR, at least one; else x's
///
/// A trial that is at least as good replaces x, at once. Where a donor leaves the bounds it is put at them, exactly.
/// An individual has one trial at a time; the next to be asked is the one with the fewest.
/// Random: addressed by (seed, individual, its trial, dimension).
/// Source: Tanabe & Fukunaga, "Success-history based parameter adaptation for differential evolution", CEC 2013, and
///         "Improving the search performance of SHADE using linear population size reduction", CEC 2014.
class DifferentialEvolution : public BasicSearcher {
 public:
  /// The first of `positions` are where it starts, one an individual, within the bounds. Throws: InvalidArgument.
  DifferentialEvolution(SearchDomain domain, const DifferentialEvolutionOptions& options,
                        std::vector<std::vector<double>> positions);

  int64_t num_at_once() const override;
  std::string describe() const override;
  int64_t population() const { return static_cast<int64_t>(individuals_.size()); }
  const SuccessMemory& memory() const { return memory_; }

 protected:
  std::optional<Proposal> propose(int64_t id) override;
  void learn(const Candidate& candidate, double fitness) override;

 private:
  struct Individual {
    std::vector<double> position;
    double fitness;
    int64_t num_asks = 0;
    bool is_out = false;
    bool is_known = false;                   // its position has been told
    SuccessMemory::Parameters parameters{};  // of its trial
  };
  using Individuals = std::map<int64_t, Individual>;  // by number
  std::vector<int64_t> ranked() const;
  std::vector<double> trial(int64_t number, Individual& individual, const std::vector<int64_t>& known) const;
  void shrink();

  SearchDomain domain_;
  DifferentialEvolutionOptions options_;
  Individuals individuals_;
  std::vector<std::vector<double>> archive_;
  int64_t num_archived_ = 0;  // ever
  SuccessMemory memory_;
  int64_t num_trials_told_ = 0;  // since the memory last learned
};

}  // namespace murmur
