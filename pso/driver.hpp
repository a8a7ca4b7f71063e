#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "murmur/layers/trainer.hpp"
#include "murmur/pso/pruner.hpp"
#include "murmur/pso/replay.hpp"
#include "murmur/pso/searcher.hpp"
#include "murmur/pso/study.hpp"

namespace murmur {

struct SearchOptions {
  int64_t num_trials = 110;   // candidates in all, those of stage one too; 0: until the searcher has converged
  int64_t num_epochs = 20;    // epochs of a full training
  double abort_below = 0.12;  // a candidate whose validation accuracy is below this after any epoch is aborted
  uint64_t seed = 1;          // trial i trains with the seed `seed + i`
  int64_t num_repeats = 1;    // trainings of a candidate, side by side, each with a seed of its own
  bool same_seeds = false;    // all trials train with the seeds of trial 0
  PrunerOptions pruner{};     // none: every trial that the threshold spares is trained to its end
};

/// Throws InvalidArgument where the options do not make a search; so does a driver, but that has a study by then.
void check_search_options(const SearchOptions& options, const Searcher& searcher);

/// Where a search stands. Each trial told is one of stage one, complete, aborted, pruned or diverged; those that stage
/// one aborted, or that diverged there, are among the aborted and the diverged.
struct SearchProgress {
  int64_t num_told = 0;
  int64_t num_stage_one = 0;
  int64_t num_complete = 0;
  int64_t num_aborted = 0;  // by the threshold
  int64_t num_pruned = 0;   // by the pruner
  int64_t num_diverged = 0;
  int64_t num_running = 0;
  int64_t num_images = 0;                // training images seen since this driver was made
  int64_t num_epochs_pruned = 0;         // that pruned trials were not trained for
  std::optional<double> images_to_come;  // expected until num_trials have ended; none without such a limit
  std::optional<double> best;            // of the complete trials
  std::optional<double> baseline;        // none before it has ended
  int64_t baseline_epochs = 0;           // that it has been trained for, while it runs
};

/// The study's base setting, nothing searched, trained once.
struct Baseline {
  double validation_accuracy;
  int64_t ended;                     // the search's clock, in epochs
  std::vector<double> accuracies{};  // after each epoch; NaN: diverged; empty in a study that does not have them
};

/// What a study has of it; none before it has ended. Throws: StudyError.
std::optional<Baseline> read_baseline(const Study& study);

/// What the trainings of one candidate come to after an epoch: the means, and diverged where one has.
EpochResult mean_result(std::span<const EpochResult> results);

/// Runs a search: keeps the slots of a trainer full with the candidates of a searcher, and writes every
/// trial to a study. At each epoch's end it tells what has finished, aborted or diverged, in the order of the slots,
/// and refills those slots at once. A trial's result is on disk before the next candidate is asked for.
///
/// Two-stage start: a candidate of stage one trains its setting as it is, for the epochs of stage one, and these are
/// the first epochs of a full training with its seed: the schedules count in the epochs of a full training (the study's
/// correction of a schedule for another number of epochs keeps their interval and would change nothing), and in one
/// epoch never act. Its trial ends PRUNED with the accuracy after its last epoch and the attribute `stage` = 1 (the
/// others have 2): to Optuna that is a trial that was stopped early, with its intermediate values, and neither
/// `best_trial` nor the importance of parameters compares it with trials that were trained to their end. Candidates
/// that go on get a trial, and a seed, of their own.
///
/// Pruning: at each epoch's end the pruner is told the accuracies of all running trials (but those of stage one, and
/// the baseline) before it is asked which of them should end; those end PRUNED with their last accuracy and the
/// attribute `pruned`. Their slots are refilled at once; nothing of the others changes.
///
/// Repeats: with `num_repeats` R a slot is R networks of the trainer, slot s those from s R, and all that is told,
/// recorded and compared is the mean of their validation accuracies. The baseline is trained as often.
///
/// Random: with the same seed, options and number of slots a search gives the same study.
/// State:  the study holds all of it. A driver on a study that has trials goes on from there: it replays the searcher,
///         compares each trial with what the searcher gives (`replay_study`), and trains the trials again that were
///         running when the earlier process ended, each in its slot and as much later than the first one as it had
///         been; new ones are asked for when all have caught up. So a search that was killed at any moment gives the
///         study of one that was not. (With another number of slots or trials it goes on too, but to another study; and
///         where training is not reproducible bit for bit, neither is the search.) Where the trainer is no lockstep,
///         which results come first is a matter of time, and so is the study; then a driver goes on at once, without
///         waiting until what was running has caught up.
class SearchDriver {
 public:
  /// The baseline (the study's base setting, nothing searched) is trained first, in a slot of its own.
  /// Throws: InvalidArgument, StudyError.
  SearchDriver(Trainer& trainer, Searcher& searcher, Study& study, const SearchOptions& options);

  /// Trains one epoch of all slots (of some, where the trainer is no lockstep). False when nothing is left to do.
  bool step();

  const SearchProgress& progress() const { return progress_; }

 private:
  struct Slot {
    std::optional<Candidate> candidate;  // none: empty, or the baseline
    bool is_baseline = false;
    std::vector<double> validation;
  };
  /// A candidate that was asked before a resume and never told.
  struct Waiting {
    Candidate candidate;
    int64_t slot;   // where it was trained
    int64_t begun;  // when, by the clock
  };

  void resume();
  int64_t num_slots() const { return static_cast<int64_t>(slots_.size()); }
  bool is_running(int64_t slot) const { return trainer_.is_running(slot * options_.num_repeats); }
  void start(int64_t slot, int64_t number, const Setting& setting);
  void stop(int64_t slot);
  int64_t num_running() const;
  void wind_clock();
  void refill();
  std::optional<Candidate> next(int64_t slot);
  std::optional<Candidate> next_waiting(int64_t slot);
  void start(size_t slot, const Candidate& candidate);
  int64_t num_epochs(const Candidate& candidate) const;
  std::vector<EpochResult> note_accuracies(std::span<const EpochResult> results);
  void end_if_due(size_t slot, const EpochResult& result);
  bool is_pruned(const Slot& slot) const;
  void finish(size_t slot, const EpochResult& result, TrialState state, bool pruned = false);
  void finish_baseline(size_t slot, const EpochResult& result);
  void count(TrialState state, bool stage_one, bool pruned, double value, int64_t num_epochs);
  std::optional<double> images_to_come() const;

  Trainer& trainer_;
  Searcher& searcher_;
  Study& study_;
  SearchOptions options_;
  TrialSeeds seeds_;
  std::unique_ptr<Pruner> pruner_;  // null: none
  std::vector<Slot> slots_;
  std::vector<Waiting> waiting_;
  bool needs_baseline_ = true;
  int64_t clock_ = 0;            // steps that the search has run, from its first process to this one
  int64_t caught_up_at_ = 0;     // the clock at the last event that the study knew when this driver was made
  int64_t num_full_epochs_ = 0;  // of the full trainings told
  int64_t num_brief_told_ = 0;   // trials of stage one told
  SearchProgress progress_;
};

}  // namespace murmur
