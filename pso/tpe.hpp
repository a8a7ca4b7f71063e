#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/pso/basic_searcher.hpp"
#include "murmur/pso/search_domain.hpp"

namespace murmur {

struct SearcherInfo;

/// Its row in the table of searchers.
SearcherInfo tpe_info();

struct TpeOptions {
  int64_t num_startup = 10;     // first candidates, which follow from no other
  int64_t num_candidates = 24;  // drawn, of which the best is asked for, 1 to 4096
  int64_t num_at_once = 8;
  int64_t patience = 0;  // tells without a better best until it has converged; 0: never
  uint64_t seed = 0;
};

/// Tree-structured Parzen estimator, multivariate, with a constant liar: candidates are drawn from the density of the
/// best tenth (at most 25) of what was told; that is asked for whose ratio to the density of the others is largest.
/// Candidates that run count among the others, so that those asked at once differ. Of the others the older weigh less
/// where there are more than 25. An ask takes time in proportion to the tells.
/// Random: addressed by (seed, candidate, drawn one, dimension).
/// Source: see `ParzenEstimator`; constant liar: Ginsbourger, Le Riche & Carraro 2010.
class Tpe : public BasicSearcher {
 public:
  /// `starts` are the first candidates, at most `num_startup` or as many as they are. Throws: InvalidArgument.
  Tpe(SearchDomain domain, const TpeOptions& options, std::vector<std::vector<double>> first_positions);

  int64_t num_at_once() const override { return options_.num_at_once; }
  std::string describe() const override;

 protected:
  std::optional<Proposal> propose(int64_t id) override;
  void learn(const Candidate& candidate, double fitness) override;

 private:
  struct Told {
    double fitness;
    int64_t id;
    std::vector<double> position;
  };
  SearchDomain domain_;
  TpeOptions options_;
  std::vector<std::vector<double>> first_positions_;
  std::vector<Told> told_;  // the best first, of equals the earlier asked
};

}  // namespace murmur
