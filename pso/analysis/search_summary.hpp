#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "murmur/pso/search_space.hpp"
#include "murmur/pso/study.hpp"

// What a search's own trials say without pretending to be a sample: counts, and how they go together. A searcher looks
// where it has found something, so that none of these numbers is evidence for a technique.
namespace murmur {

/// Trials that were trained for their full number of epochs, or would have been, and how many of them failed.
struct FailureCount {
  int64_t num_trials = 0;
  int64_t num_aborted = 0;
  int64_t num_diverged = 0;
  int64_t num_pruned = 0;  // by a pruner: not failed
  /// Aborted or diverged; NaN without trials.
  double failure_rate() const;
};

struct TechniqueSummary {
  Technique id;
  FailureCount on, off;       // of the trials that have it on, and off (at the study's base value)
  double share_among_best;    // of the best settings, how many have it on
  double typical_among_best;  // of those; NaN where none has
  double correlation;         // with the validation accuracy, controlled for the order; NaN of choices
};

struct ChoiceSummary {
  double value;  // of the optimizer
  FailureCount trials;
  double best;  // validation accuracy; NaN where none is complete
};

struct SearchSummary {
  FailureCount all;
  int64_t num_best = 0;
  std::vector<TechniqueSummary> techniques;  // of the space
  std::vector<ChoiceSummary> optimizers;     // that were tried
};

/// Stage one, and what is still running, is left out.
SearchSummary summarize_search(const SearchSpace& space, const Setting& all_off, std::span<const TrialRecord> trials);

}  // namespace murmur
