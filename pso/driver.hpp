#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "layers/population_trainer.hpp"
#include "pso/study.hpp"
#include "pso/swarm.hpp"

namespace murmur {

struct SearchOptions {
  int64_t num_trials = 110;   // candidates in all
  int64_t num_epochs = 20;    // epochs of a full training
  double abort_below = 0.12;  // a candidate whose validation accuracy is below this after any epoch is aborted
  uint64_t seed = 1;          // trial i trains with the seed `seed + i`
};

/// Where a search stands.
struct SearchProgress {
  int64_t num_told = 0;
  int64_t num_complete = 0;
  int64_t num_aborted = 0;
  int64_t num_diverged = 0;
  int64_t num_running = 0;
  int64_t num_images = 0;  // training images seen since this driver was made
  std::optional<double> best;
};

/// Runs a search: keeps the slots of a population trainer full with the candidates of a swarm, and writes every trial
/// to a study. At each epoch's end it tells what has finished, aborted or diverged, in the order of the slots, and
/// refills those slots at once. A trial's result is on disk before the next candidate is asked for.
///
/// Random: with the same seed, options and number of slots a search gives the same study.
/// State:  the study holds all of it. A driver on a study that has trials goes on from there: it replays the swarm and
///         trains the trials again that were running when the earlier process ended.
class SearchDriver {
 public:
  /// The baseline (the study's base setting, nothing searched) is trained first, in a slot of its own.
  /// Throws: InvalidArgument, StudyError.
  SearchDriver(PopulationTrainer& trainer, Swarm& swarm, Study& study, const SearchOptions& options);

  /// Trains one epoch of all slots. False when nothing is left to do.
  bool step();

  const SearchProgress& progress() const { return progress_; }

 private:
  struct Slot {
    std::optional<Candidate> candidate;  // none: empty, or the baseline
    bool is_baseline = false;
    std::vector<double> validation;
  };

  void resume();
  void refill();
  void start(size_t slot, const Candidate& candidate);
  void finish(size_t slot, const EpochResult& result, TrialState state);
  void finish_baseline(size_t slot, const EpochResult& result);
  void count(TrialState state);
  bool wants_more() const;

  PopulationTrainer& trainer_;
  Swarm& swarm_;
  Study& study_;
  SearchOptions options_;
  std::vector<Slot> slots_;
  std::vector<Candidate> waiting_;  // asked before a resume and never told
  bool needs_baseline_ = true;
  SearchProgress progress_;
};

}  // namespace murmur
