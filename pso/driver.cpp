#include "pso/driver.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.hpp"

namespace murmur {
namespace {

constexpr double kWorst = -std::numeric_limits<double>::infinity();

// What a trial keeps so that the swarm can be replayed: its place in the order of tells, and the asks until then.
constexpr const char* kTold = "told";
constexpr const char* kAsked = "asked";
constexpr const char* kBaseline = "baseline";

struct Told {
  int64_t order;
  ToldCandidate candidate;
};

}  // namespace

SearchDriver::SearchDriver(PopulationTrainer& trainer, Swarm& swarm, Study& study, const SearchOptions& options)
    : trainer_(trainer),
      swarm_(swarm),
      study_(study),
      options_(options),
      slots_(static_cast<size_t>(trainer.num_networks())) {
  if (options.num_trials < 1) throw InvalidArgument("trials: expected at least 1, got {}", options.num_trials);
  if (options.num_epochs < 1) throw InvalidArgument("epochs: expected at least 1, got {}", options.num_epochs);
  needs_baseline_ = !study_.attributes().contains(kBaseline);
  resume();
  refill();
}

void SearchDriver::resume() {
  std::vector<Told> told;
  int64_t num_asked = 0;
  for (const TrialRecord& trial : study_.trials()) {
    ++num_asked;
    if (trial.state == TrialState::kRunning) continue;
    if (!trial.attributes.contains(kTold) || !trial.attributes.contains(kAsked)) {
      throw StudyError("{}: expected trials of this search, got trial {} without its place in the swarm",
                       study_.path().string(), trial.number);
    }
    const double fitness = trial.state == TrialState::kFail ? kWorst : trial.value;
    told.push_back({trial.attributes.at(kTold).get<int64_t>(),
                    {trial.number, fitness, trial.attributes.at(kAsked).get<int64_t>()}});
    count(trial.state);
  }
  std::ranges::sort(told, {}, &Told::order);
  std::vector<ToldCandidate> record;
  for (const Told& entry : told) record.push_back(entry.candidate);
  swarm_.replay(record, num_asked);
  waiting_ = swarm_.outstanding();
  if (swarm_.global_best()) progress_.best = swarm_.global_best()->fitness;
}

bool SearchDriver::wants_more() const {
  return !waiting_.empty() || (swarm_.num_asked() < options_.num_trials && !swarm_.converged());
}

void SearchDriver::refill() {
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (trainer_.is_running(static_cast<int64_t>(slot))) continue;
    if (needs_baseline_) {
      needs_baseline_ = false;
      slots_[slot] = {std::nullopt, true, {}};
      trainer_.start(static_cast<int64_t>(slot), {options_.seed, study_.base(), options_.num_epochs});
      continue;
    }
    if (!wants_more()) return;
    if (!waiting_.empty()) {
      start(slot, waiting_.front());
      waiting_.erase(waiting_.begin());
      continue;
    }
    const std::vector<Candidate> candidates = swarm_.ask(1);
    if (candidates.empty()) return;
    const auto seed = options_.seed + static_cast<uint64_t>(candidates.front().id);
    const int64_t number = study_.begin_trial(seed, candidates.front().position);
    if (number != candidates.front().id) {
      throw StudyError("{}: expected trial {} to be the next one, got {}; another process is writing to this study",
                       study_.path().string(), candidates.front().id, number);
    }
    start(slot, candidates.front());
  }
}

void SearchDriver::start(size_t slot, const Candidate& candidate) {
  slots_[slot] = {candidate, false, {}};
  trainer_.start(static_cast<int64_t>(slot),
                 {options_.seed + static_cast<uint64_t>(candidate.id),
                  study_.space().decode(candidate.position, study_.base()), options_.num_epochs});
}

bool SearchDriver::step() {
  progress_.num_running = 0;
  for (int64_t slot = 0; slot < trainer_.num_networks(); ++slot) progress_.num_running += trainer_.is_running(slot);
  if (progress_.num_running == 0) return false;
  const std::vector<EpochResult> results = trainer_.run_epoch();
  progress_.num_images += progress_.num_running * trainer_.epoch_size();
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!trainer_.is_running(static_cast<int64_t>(slot))) continue;
    const EpochResult& result = results[slot];
    slots_[slot].validation.push_back(result.validation_accuracy);
    const bool diverged = result.diverged || !std::isfinite(result.validation_loss);
    const bool last = result.epoch >= options_.num_epochs;
    if (slots_[slot].is_baseline) {
      if (diverged || last) finish_baseline(slot, result);
    } else if (diverged) {
      finish(slot, result, TrialState::kFail);
    } else if (result.validation_accuracy < options_.abort_below) {
      finish(slot, result, TrialState::kPruned);
    } else if (last) {
      finish(slot, result, TrialState::kComplete);
    }
  }
  refill();
  return true;
}

void SearchDriver::finish(size_t slot, const EpochResult& result, TrialState state) {
  const Slot& entry = slots_[slot];
  const bool failed = state == TrialState::kFail;
  TrialResult record;
  record.state = state;
  if (!failed) record.value = result.validation_accuracy;
  record.intermediate = entry.validation;
  record.attributes = {{kTold, swarm_.num_told()}, {kAsked, swarm_.num_asked()}, {"epochs", result.epoch}};
  study_.finish_trial(entry.candidate->id, record);
  swarm_.tell(entry.candidate->id, failed ? kWorst : result.validation_accuracy);
  if (swarm_.global_best()) progress_.best = swarm_.global_best()->fitness;
  count(state);
  trainer_.stop(static_cast<int64_t>(slot));
}

void SearchDriver::finish_baseline(size_t slot, const EpochResult& result) {
  const double accuracy = result.diverged ? 0 : result.validation_accuracy;
  study_.set_attribute(kBaseline, {{"validation_accuracy", accuracy}, {"seed", std::to_string(options_.seed)}});
  trainer_.stop(static_cast<int64_t>(slot));
}

void SearchDriver::count(TrialState state) {
  ++progress_.num_told;
  progress_.num_complete += state == TrialState::kComplete;
  progress_.num_aborted += state == TrialState::kPruned;
  progress_.num_diverged += state == TrialState::kFail;
}

}  // namespace murmur
