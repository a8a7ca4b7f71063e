#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "murmur/pso/basic_searcher.hpp"
#include "murmur/pso/cma_distribution.hpp"
#include "murmur/pso/search_domain.hpp"

namespace murmur {

struct SearcherInfo;

/// Its row in the table of searchers.
SearcherInfo cma_es_info();

struct CmaEsOptions {
  int64_t num_samples = 0;    // of a generation, 2 to 2^20; 0: 4 + floor(3 ln dimensions)
  double initial_step = 0.2;  // standard deviation at the start, as a fraction of each dimension's range, in (0, 1]
  double growth = 2;          // of the generation at each restart, in [1, 16]
  int64_t patience = 0;       // tells without a better best until it has converged; 0: never
  uint64_t seed = 0;
};

/// Evolution strategy with covariance matrix adaptation, asynchronous, restarted with larger generations.
///
/// It samples from its distribution as often as it is asked, and learns whenever a generation's worth of fitnesses has
/// been told; they are ranked by fitness, of equals the earlier asked first, so that the order in which a generation
/// ends changes nothing. A sample that is told when the distribution is a later one is injected.
///
/// What lies outside of the bounds is put at them, exactly, before it is evaluated and learnt from. Discrete
/// dimensions keep a margin (`keep_margin`). It starts at the first of `starts`, which are evaluated first and
/// injected; without any, in the middle of the range, of dimensions that the sparse initialisation sets to off there.
/// A run whose steps or fitness differences have become nothing ends, and the next one starts at a random position with
/// a larger generation (IPOP: Auger & Hansen, CEC 2005).
/// Random: a normal number a candidate and dimension, addressed by (seed, candidate, dimension).
/// Source: see `CmaDistribution`.
class CmaEs : public BasicSearcher {
 public:
  /// Throws: InvalidArgument.
  CmaEs(SearchDomain domain, const CmaEsOptions& options, std::vector<std::vector<double>> starts = {});

  int64_t num_at_once() const override { return distribution_.num_samples(); }
  std::string describe() const override;
  const CmaDistribution& distribution() const { return distribution_; }
  int64_t num_restarts() const { return num_restarts_; }

 protected:
  std::optional<Proposal> propose(int64_t id) override;
  void learn(const Candidate& candidate, double fitness) override;

 private:
  struct Sample {
    Eigen::VectorXd x;   // in units of the ranges
    int64_t generation;  // -1: a start
    int64_t run;
  };
  struct Told {
    double fitness;
    int64_t id;
    Sample sample;
  };
  Eigen::VectorXd first_mean() const;
  Eigen::VectorXd unit(const std::vector<double>& position) const;
  std::vector<double> position_of(const Eigen::VectorXd& x) const;
  void correct();
  bool has_ended() const;
  void restart();

  SearchDomain domain_;
  CmaEsOptions options_;
  std::vector<std::vector<double>> starts_;
  std::vector<std::vector<double>> thresholds_;  // in units of the ranges
  CmaDistribution distribution_;
  std::map<int64_t, Sample> samples_;  // by candidate, of those that run
  std::vector<Told> generation_;
  std::vector<double> history_;  // the best fitness of each generation of this run
  int64_t num_restarts_ = 0;
};

}  // namespace murmur
