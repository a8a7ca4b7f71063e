#include "murmur/pso/driver.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/pso/replay.hpp"
#include "murmur/pso/stored.hpp"

namespace murmur {
namespace {

// Attributes of the study: the baseline's result, and the clock at its end.
constexpr const char* kBaseline = "baseline";
constexpr const char* kAccuracies = "accuracies";
constexpr const char* kAccuracy = "validation_accuracy";
constexpr const char* kEnded = "ended";

}  // namespace

void check_search_options(const SearchOptions& options, const Searcher& searcher) {
  const auto expect_at_least = [](const char* what, int64_t least, int64_t value) {
    if (value < least) throw InvalidArgument("{}: expected at least {}, got {}", what, least, value);
  };
  expect_at_least("trials", 0, options.num_trials);
  expect_at_least("epochs", 1, options.num_epochs);
  expect_at_least("repeats of a trial", 1, options.num_repeats);
  if (!(options.abort_below >= 0 && options.abort_below <= 1)) {
    throw InvalidArgument("abort_below: expected an accuracy in [0, 1], got {}", options.abort_below);
  }
  make_pruner(options.pruner, options.num_epochs);
  const Searcher::StageOne stage_one = searcher.stage_one();
  if (stage_one.num_candidates > 0 && stage_one.num_epochs > options.num_epochs) {
    throw InvalidArgument("epochs of stage one: expected at most the {} of a full training, got {}", options.num_epochs,
                          stage_one.num_epochs);
  }
}

std::optional<Baseline> read_baseline(const Study& study) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(kBaseline);
  if (found == attributes.end()) return std::nullopt;
  const Stored stored(study.path(), kBaseline, found->second);
  Baseline baseline{stored.number(kAccuracy), stored.count(kEnded)};
  if (!stored.has(kAccuracies)) return baseline;
  for (const nlohmann::json& value : stored.array(kAccuracies)) {
    if (!value.is_null() && !value.is_number()) stored.fail(kAccuracies, "numbers, or null");
    baseline.accuracies.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  return baseline;
}

EpochResult mean_result(std::span<const EpochResult> results) {
  EpochResult mean;
  for (const EpochResult& result : results) {
    mean.epoch = result.epoch;
    mean.diverged = mean.diverged || result.diverged;
    mean.train_loss += result.train_loss;
    mean.train_accuracy += result.train_accuracy;
    mean.validation_loss += result.validation_loss;
    mean.validation_accuracy += result.validation_accuracy;
  }
  const auto count = static_cast<double>(results.size());
  for (double* value : {&mean.train_loss, &mean.train_accuracy, &mean.validation_loss, &mean.validation_accuracy}) {
    *value /= count;
  }
  return mean;
}

SearchDriver::SearchDriver(Trainer& trainer, Searcher& searcher, Study& study, const SearchOptions& options)
    : trainer_(trainer),
      searcher_(searcher),
      study_(study),
      options_(options),
      seeds_{options.seed, options.same_seeds},
      pruner_(make_pruner(options.pruner, options.num_epochs)) {
  check_search_options(options, searcher);
  if (trainer.num_networks() % options.num_repeats != 0) {
    throw InvalidArgument("networks: expected a multiple of the {} repeats of a trial, got {}", options.num_repeats,
                          trainer.num_networks());
  }
  slots_.resize(static_cast<size_t>(trainer.num_networks() / options.num_repeats));
  resume();
  Study::Transaction transaction(study_);
  refill();
  transaction.commit();
  progress_.num_running = num_running();
  progress_.images_to_come = images_to_come();
}

void SearchDriver::resume() {
  const std::vector<RecordedTrial> trials = replay_study(study_, searcher_, seeds_);
  for (const RecordedTrial& trial : trials) {
    caught_up_at_ = std::max(caught_up_at_, trial.begun + trial.epochs);
    if (trial.state == TrialState::kRunning) continue;
    count(trial.state, trial.stage_one, trial.pruned, trial.value, trial.epochs);
    if (!pruner_ || trial.stage_one) continue;
    for (size_t epochs = 1; epochs <= trial.accuracies.size(); ++epochs) {
      pruner_->report(trial.number, std::span(trial.accuracies).first(epochs));
    }
    if (trial.state == TrialState::kComplete) pruner_->complete(trial.accuracies);
  }
  for (const Candidate& candidate : searcher_.outstanding()) {
    const RecordedTrial& trial = trials[static_cast<size_t>(candidate.id)];
    waiting_.push_back({candidate, trial.slot, trial.begun});
  }
  const std::optional<Baseline> baseline = read_baseline(study_);
  needs_baseline_ = !baseline;
  if (baseline) progress_.baseline = baseline->validation_accuracy;
  if (baseline) caught_up_at_ = std::max(caught_up_at_, baseline->ended);
  if (trainer_.is_lockstep()) return;
  clock_ = std::exchange(caught_up_at_, 0);
  for (Waiting& entry : waiting_) entry.begun = 0;
}

int64_t SearchDriver::num_running() const {
  int64_t count = 0;
  for (int64_t slot = 0; slot < num_slots(); ++slot) count += is_running(slot) ? 1 : 0;
  return count;
}

void SearchDriver::start(int64_t slot, int64_t number, const Setting& setting) {
  for (int64_t repeat = 0; repeat < options_.num_repeats; ++repeat) {
    trainer_.start(slot * options_.num_repeats + repeat, {seeds_.of(number, repeat), setting, options_.num_epochs});
  }
}

void SearchDriver::stop(int64_t slot) {
  for (int64_t repeat = 0; repeat < options_.num_repeats; ++repeat) {
    trainer_.stop(slot * options_.num_repeats + repeat);
  }
}

/// While nothing runs, time passes until something may begin.
void SearchDriver::wind_clock() {
  if (needs_baseline_ || num_running() > 0) return;
  int64_t next = caught_up_at_;
  for (const Waiting& entry : waiting_) next = std::min(next, entry.begun);
  clock_ = std::max(clock_, next);
}

void SearchDriver::refill() {
  wind_clock();
  for (int64_t slot = 0; slot < num_slots(); ++slot) {
    if (is_running(slot)) continue;
    if (needs_baseline_) {
      needs_baseline_ = false;
      slots_[static_cast<size_t>(slot)] = {std::nullopt, true, {}};
      start(slot, 0, study_.base());
    } else if (const std::optional<Candidate> candidate = waiting_.empty() ? next(slot) : next_waiting(slot)) {
      start(static_cast<size_t>(slot), *candidate);
    }
  }
}

/// The one that was trained in this slot and began at this time; any that is late, for with fewer slots than before
/// some have none of their own.
std::optional<Candidate> SearchDriver::next_waiting(int64_t slot) {
  const auto is_due = [&](const Waiting& entry) {
    const bool has_slot = entry.slot < num_slots() && entry.begun == clock_;
    return entry.begun <= clock_ && (!has_slot || entry.slot == slot);
  };
  const auto due = std::ranges::find_if(waiting_, is_due);
  if (due == waiting_.end()) return std::nullopt;
  const Candidate candidate = due->candidate;
  waiting_.erase(due);
  return candidate;
}

std::optional<Candidate> SearchDriver::next(int64_t slot) {
  const bool enough = options_.num_trials > 0 && searcher_.num_asked() >= options_.num_trials;
  if (clock_ < caught_up_at_ || enough || searcher_.converged()) return std::nullopt;
  const std::vector<Candidate> candidates = searcher_.ask(1);
  if (candidates.empty()) return std::nullopt;
  const Candidate& candidate = candidates.front();
  Attributes attributes{{kParticle, candidate.particle}, {kSlot, slot}, {kBegun, clock_}};
  if (searcher_.stage_one().num_candidates > 0) attributes[kStage] = candidate.stage_one ? 1 : 2;
  const int64_t number = study_.begin_trial(seeds_.of(candidate.id), candidate.position, attributes);
  if (number != candidate.id) {
    throw StudyError("{}: expected trial {} to be the next one, got {}; another process is writing to this study",
                     study_.path().string(), candidate.id, number);
  }
  return candidate;
}

void SearchDriver::start(size_t slot, const Candidate& candidate) {
  slots_[slot] = {candidate, false, {}};
  start(static_cast<int64_t>(slot), candidate.id, study_.space().decode(candidate.position, study_.base()));
}

int64_t SearchDriver::num_epochs(const Candidate& candidate) const {
  return candidate.stage_one ? searcher_.stage_one().num_epochs : options_.num_epochs;
}

/// What each slot's trainings come to; of those that have not ended an epoch, nothing. The pruner hears of all before
/// it is asked.
std::vector<EpochResult> SearchDriver::note_accuracies(std::span<const EpochResult> results) {
  const auto repeats = static_cast<size_t>(options_.num_repeats);
  std::vector<EpochResult> means(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!is_running(static_cast<int64_t>(i)) || results[i * repeats].epoch == 0) continue;
    means[i] = mean_result(results.subspan(i * repeats, repeats));
    progress_.num_images += options_.num_repeats * trainer_.epoch_size();
    Slot& slot = slots_[i];
    slot.validation.push_back(means[i].validation_accuracy);
    if (pruner_ && slot.candidate && !slot.candidate->stage_one) pruner_->report(slot.candidate->id, slot.validation);
  }
  return means;
}

/// A trial that is trained again was not pruned before the search was stopped: what the pruner knows now, it did not
/// know then.
bool SearchDriver::is_pruned(const Slot& slot) const {
  const bool is_known_to_go_on = clock_ <= caught_up_at_;
  return pruner_ && !slot.candidate->stage_one && !is_known_to_go_on &&
         pruner_->prunes(slot.candidate->id, slot.validation);
}

void SearchDriver::end_if_due(size_t slot, const EpochResult& result) {
  const Slot& entry = slots_[slot];
  const bool diverged = result.diverged || !std::isfinite(result.validation_loss);
  if (entry.is_baseline) {
    progress_.baseline_epochs = result.epoch;
    if (diverged || result.epoch >= options_.num_epochs) finish_baseline(slot, result);
  } else if (diverged) {
    finish(slot, result, TrialState::kFail);
  } else if (result.validation_accuracy < options_.abort_below) {
    finish(slot, result, TrialState::kPruned);
  } else if (result.epoch >= num_epochs(*entry.candidate)) {
    finish(slot, result, entry.candidate->stage_one ? TrialState::kPruned : TrialState::kComplete);
  } else if (is_pruned(entry)) {
    finish(slot, result, TrialState::kPruned, true);
  }
}

bool SearchDriver::step() {
  if (progress_.num_running == 0) return false;
  const std::vector<EpochResult> results = trainer_.run_epoch();
  ++clock_;
  // What ends here and what begins in its place is written at once, and is on disk before anything trains on.
  Study::Transaction transaction(study_);
  const std::vector<EpochResult> means = note_accuracies(results);
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (means[slot].epoch > 0) end_if_due(slot, means[slot]);
  }
  refill();
  transaction.commit();
  progress_.num_running = num_running();
  progress_.images_to_come = images_to_come();
  return true;
}

void SearchDriver::finish(size_t slot, const EpochResult& result, TrialState state, bool pruned) {
  const Slot& entry = slots_[slot];
  const bool failed = state == TrialState::kFail;
  TrialResult record;
  record.state = state;
  if (!failed) record.value = result.validation_accuracy;
  record.intermediate = entry.validation;
  record.attributes = {{kTold, searcher_.num_told()}, {kAsked, searcher_.num_asked()}, {kEpochs, result.epoch}};
  if (pruned) record.attributes[kPruned] = true;
  study_.finish_trial(entry.candidate->id, record);
  searcher_.tell(entry.candidate->id, failed ? kWorst : result.validation_accuracy);
  if (pruner_ && state == TrialState::kComplete) pruner_->complete(entry.validation);
  count(state, entry.candidate->stage_one, pruned, record.value, result.epoch);
  stop(static_cast<int64_t>(slot));
}

void SearchDriver::finish_baseline(size_t slot, const EpochResult& result) {
  const double accuracy = result.diverged ? 0 : result.validation_accuracy;
  study_.set_attribute(kBaseline, {{kAccuracy, accuracy},
                                   {"seed", std::to_string(options_.seed)},
                                   {kEnded, clock_},
                                   {kAccuracies, slots_[slot].validation}});  // NaN is written as null
  progress_.baseline = accuracy;
  stop(static_cast<int64_t>(slot));
}

void SearchDriver::count(TrialState state, bool stage_one, bool pruned, double value, int64_t num_epochs) {
  const bool aborted = state == TrialState::kPruned && value < options_.abort_below;
  ++progress_.num_told;
  progress_.num_stage_one += stage_one && state == TrialState::kPruned && !aborted;
  if (state == TrialState::kComplete) {
    ++progress_.num_complete;
    progress_.best = std::max(value, progress_.best.value_or(value));
  }
  progress_.num_aborted += aborted;
  progress_.num_pruned += pruned;
  progress_.num_epochs_pruned += pruned ? options_.num_epochs - num_epochs : 0;
  progress_.num_diverged += state == TrialState::kFail;
  if (stage_one) {
    ++num_brief_told_;
  } else {
    num_full_epochs_ += num_epochs;
  }
}

/// What the trials to come will take if they are like those before, less what the running ones have behind them.
std::optional<double> SearchDriver::images_to_come() const {
  if (options_.num_trials == 0) return std::nullopt;
  const int64_t brief = std::min(searcher_.stage_one().num_candidates, options_.num_trials);
  const int64_t full_told = searcher_.num_told() - num_brief_told_;
  const double mean = full_told > 0 ? static_cast<double>(num_full_epochs_) / static_cast<double>(full_told)
                                    : static_cast<double>(options_.num_epochs);
  double epochs = static_cast<double>((brief - num_brief_told_) * searcher_.stage_one().num_epochs) +
                  static_cast<double>(options_.num_trials - brief - full_told) * mean;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (is_running(static_cast<int64_t>(slot))) epochs -= static_cast<double>(slots_[slot].validation.size());
  }
  return std::max(epochs, 0.0) * static_cast<double>(options_.num_repeats * trainer_.epoch_size());
}

}  // namespace murmur
