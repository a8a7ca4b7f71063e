#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace murmur {

/// Which trainings a search ends early because others were better at the same epoch. (A training whose accuracy stays
/// near chance is ended by the search's threshold, whatever the pruner says.)
///
/// kMedian:    the trial's best accuracy so far is below the median of the complete trials' accuracies at this epoch,
///             once `startup_trials` are complete (Golovin et al. 2017 in Optuna's form).
/// kHalving:   asynchronous successive halving (ASHA, Li et al. 2020) in its form without pauses: at the rungs
///             min_epochs * factor^k a trial goes on where its accuracy is among the best 1/factor (at least one) of
///             all that have been at that rung until then.
/// kHyperband: successive halving with brackets (Li et al. 2018): bracket s begins at rung s, so that the last one
///             prunes nothing; of B brackets, s gets the share of Hyperband's budget, ceil(B / (B - s)
///             factor^(B - 1 - s)), and only trials of one bracket are compared.
enum class PrunerKind : uint8_t { kNone, kMedian, kHalving, kHyperband };
inline constexpr std::array<std::string_view, 4> kPrunerNames{"none", "median", "halving", "hyperband"};

struct PrunerOptions {
  PrunerKind kind = PrunerKind::kNone;
  int64_t min_epochs = 1;      // no trial is pruned before it has been trained for so many
  int64_t factor = 3;          // of halving and hyperband: from one rung to the next
  int64_t startup_trials = 5;  // of the median
  bool operator==(const PrunerOptions&) const = default;
};

/// Told the accuracies of trials as they come; says which should end. What it says depends only on what it was told,
/// not on the order in which trials of one epoch were reported.
class Pruner {
 public:
  virtual ~Pruner() = default;

  /// The trial's validation accuracies so far, one an epoch (NaN: none). Once an epoch, for every trial that runs.
  virtual void report(int64_t trial, std::span<const double> accuracies) = 0;
  /// The trial has been trained to its end.
  virtual void complete(std::span<const double> accuracies) = 0;
  /// Whether the trial that was reported with these accuracies should end here.
  virtual bool prunes(int64_t trial, std::span<const double> accuracies) const = 0;
};

/// For trainings of `num_epochs`. Throws InvalidArgument where the options make no pruner; null for kNone.
std::unique_ptr<Pruner> make_pruner(const PrunerOptions& options, int64_t num_epochs);

/// The inverse of kPrunerNames. Throws: InvalidArgument.
PrunerKind parse_pruner_kind(std::string_view name);

}  // namespace murmur
