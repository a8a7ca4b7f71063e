#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "murmur/pso/searcher.hpp"
#include "murmur/pso/study.hpp"

// How a search that a study recorded is taken up again.
namespace murmur {

/// The attributes that a driver gives a trial. What the searcher is replayed with: the trial's place in the order of
/// tells, and the asks until then.
inline constexpr const char* kTold = "told";
inline constexpr const char* kAsked = "asked";
/// What its training is repeated with: its slot, the search's clock, in epochs, when it began, and the epochs it took.
inline constexpr const char* kSlot = "slot";
inline constexpr const char* kBegun = "begun";
inline constexpr const char* kEpochs = "epochs";
/// True of a trial that a pruner ended.
inline constexpr const char* kPruned = "pruned";
/// Who asked, and for which stage (1 or 2; none where the searcher has one only).
inline constexpr const char* kParticle = "particle";
inline constexpr const char* kStage = "stage";

/// A trial of a recorded search. `number` = the candidate's id.
struct RecordedTrial {
  int64_t number;
  TrialState state;  // not kWaiting
  double value;      // none where the state is kRunning or kFail
  int64_t slot, begun;
  int64_t epochs;  // 0 while it is running
  bool stage_one;
  bool pruned;
  std::vector<double> accuracies;  // after each epoch; none while it is running
};

/// What a candidate's fitness is when it failed.
inline constexpr double kWorst = -std::numeric_limits<double>::infinity();

/// From one training of a trial to its next: behind all other seeds of a search.
inline constexpr uint64_t kRepeatSeeds = uint64_t{2} * kMaxTrials;

/// The seeds of a search's trainings.
struct TrialSeeds {
  uint64_t first = 1;
  bool same = false;  // for all trials, and the baseline

  uint64_t of(int64_t number, int64_t repeat = 0) const {
    return first + (same ? 0 : static_cast<uint64_t>(number)) + static_cast<uint64_t>(repeat) * kRepeatSeeds;
  }
};

/// Brings a new searcher to where the study's search stood, and compares each recorded trial with it on the way: its
/// position, who asked and for which stage with what the searcher gives, its seed with the search's, its
/// parameters with what its position decodes to. (Powers of ten may differ in their last digits, as they do from one C
/// library to the next.) The trials, in the order of their numbers.
/// Throws: StudyError, saying which trial differs in what, expected and got.
std::vector<RecordedTrial> replay_study(const Study& study, Searcher& searcher, const TrialSeeds& seeds);

}  // namespace murmur
