#include "murmur/pso/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "murmur/engine/error.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/stored.hpp"

namespace murmur {
namespace {

struct Told {
  int64_t order;
  ToldCandidate candidate;
};

/// One line: which trial differs in what.
template <class Expected, class Got>
[[noreturn]] void fail(const Study& study, int64_t number, const std::string& what, const Expected& expected,
                       const Got& got) {
  throw StudyError("study '{}': trial {}: expected {} = {}, got {}", study.path().string(), number, what, expected,
                   got);
}

bool is_told(const TrialRecord& trial) {
  return trial.state != TrialState::kRunning;
}

RecordedTrial record_of(const Study& study, const TrialRecord& trial, const Stored& stored) {
  if (is_told(trial) && (!stored.has(kTold) || !stored.has(kAsked))) {
    throw StudyError("study '{}': expected trials of this search, got trial {} without its place in the search",
                     study.path().string(), trial.number);
  }
  const bool has_value = is_told(trial) && trial.state != TrialState::kFail;
  if (has_value && std::isnan(trial.value)) fail(study, trial.number, "value", "an accuracy", "none");
  return {trial.number,
          trial.state,
          trial.value,
          stored.count(kSlot),
          stored.count(kBegun),
          is_told(trial) ? stored.count(kEpochs) : 0,
          stored.has(kStage) && stored.count(kStage) == 1,
          stored.has(kPruned),
          trial.intermediate};
}

/// Throws unless the trial is the one that the searcher asked for.
void check_trial(const Study& study, const TrialRecord& trial, const Stored& stored, const Candidate& candidate,
                 const TrialSeeds& seeds, bool has_stages) {
  const SearchSpace& space = study.space();
  const std::vector<std::string> keys = space.keys();
  for (size_t d = 0; d < keys.size(); ++d) {
    if (trial.position[d] == candidate.position[d]) continue;
    fail(study, trial.number, fmt::format("position of {}", keys[d]), candidate.position[d], trial.position[d]);
  }
  const uint64_t expected_seed = seeds.of(trial.number);
  if (trial.seed != expected_seed) fail(study, trial.number, "seed", expected_seed, trial.seed);
  if (stored.count(kParticle) != candidate.particle) {
    fail(study, trial.number, kParticle, candidate.particle, stored.count(kParticle));
  }
  const int64_t stage = candidate.stage_one ? 1 : 2;
  if (has_stages && stored.count(kStage) != stage) fail(study, trial.number, kStage, stage, stored.count(kStage));
  if (!has_stages && stored.has(kStage)) fail(study, trial.number, kStage, "none", stored.at(kStage).dump());

  constexpr double kPowerTolerance = 1e-12;  // relative; a few units of the last place are 1e-15
  const Setting setting = space.decode(candidate.position, study.base());
  for (const Dimension& dimension : space.dimensions()) {
    const Technique id = dimension.id;
    const TechniqueInfo& info = technique(id);
    const double tolerance = info.kind == Kind::kLogFloat ? kPowerTolerance * std::abs(setting[id]) : 0;
    const bool has_schedule = trial.setting.schedule(id) == setting.schedule(id);
    if (has_schedule && std::abs(trial.setting[id] - setting[id]) <= tolerance) continue;
    fail(study, trial.number, std::string(info.key), value_json(setting, id).dump(),
         value_json(trial.setting, id).dump());
  }
}

}  // namespace

std::vector<RecordedTrial> replay_study(const Study& study, Searcher& searcher, const TrialSeeds& seeds) {
  const std::vector<TrialRecord> trials = study.trials();
  const auto num_trials = static_cast<int64_t>(trials.size());
  std::vector<RecordedTrial> recorded;
  std::vector<Stored> stored;
  std::vector<Told> told;
  for (const TrialRecord& trial : trials) {
    const auto next = static_cast<int64_t>(recorded.size());
    if (trial.number != next) fail(study, next, "number", next, trial.number);
    stored.emplace_back(study.path(), fmt::format("trial {}", trial.number), trial.attributes);
    recorded.push_back(record_of(study, trial, stored.back()));
    if (!is_told(trial)) continue;
    const double fitness = trial.state == TrialState::kFail ? kWorst : trial.value;
    told.push_back({stored.back().count(kTold), {trial.number, fitness, stored.back().count(kAsked)}});
  }
  std::ranges::sort(told, {}, &Told::order);
  std::vector<ToldCandidate> record;
  for (const Told& entry : told) {
    const auto place = static_cast<int64_t>(record.size());
    if (entry.order != place) fail(study, entry.candidate.id, kTold, place, entry.order);
    if (entry.candidate.num_asked > num_trials) {
      fail(study, entry.candidate.id, kAsked, fmt::format("at most {}", num_trials), entry.candidate.num_asked);
    }
    record.push_back(entry.candidate);
  }
  const bool has_stages = searcher.stage_one().num_candidates > 0;
  try {
    searcher.replay(record, num_trials, [&](const Candidate& candidate) {
      const auto i = static_cast<size_t>(candidate.id);
      check_trial(study, trials[i], stored[i], candidate, seeds, has_stages);
    });
  } catch (const InvalidArgument& error) {
    throw StudyError("study '{}': expected the trials of this search: {}", study.path().string(), error.what());
  }
  return recorded;
}

}  // namespace murmur
