#include "murmur/pso/trainings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/layers/schedule.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/stored.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr const char* kOptions = "options";
constexpr const char* kTrainings = "trainings";
constexpr const char* kOutcomes = "outcomes";

json options_json(const TrainingsOptions& options) {
  return {{"epochs", options.num_epochs}, {"abort_below", options.abort_below}};
}

/// What was trained: the seed as text, for JSON readers lose bits of 64-bit numbers.
json training_json(const Training& training) {
  return {{"seed", std::to_string(training.seed)}, {"setting", setting_json(training.setting, SettingPart::kNotOff)}};
}

/// A training's number and its outcome.
std::pair<size_t, TrainingOutcome> parse_outcome(const Stored& stored, const json& triple) {
  if (!triple.is_array() || triple.size() != 3 || !triple[0].is_number_unsigned() || !triple[1].is_number_unsigned() ||
      !(triple[2].is_null() || triple[2].is_number())) {
    stored.fail(kOutcomes, "triples of a training's number, its epochs and its accuracy");
  }
  const double accuracy = triple[2].is_null() ? std::numeric_limits<double>::quiet_NaN() : triple[2].get<double>();
  return {triple[0].get<size_t>(), {accuracy, triple[1].get<int64_t>()}};
}

/// The outcomes, in any order, of trainings that the study has already.
using Outcomes = std::map<size_t, TrainingOutcome>;

Outcomes restore(const Study& study, const std::string& name, const json& options, const json& trainings) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(name);
  if (found == attributes.end()) return {};
  const Stored stored(study.path(), name, found->second);
  if (stored.at(kOptions) != options) return {};
  const json& stored_trainings = stored.array(kTrainings);
  Outcomes outcomes;
  for (const json& triple : stored.array(kOutcomes)) {
    const auto [number, outcome] = parse_outcome(stored, triple);
    if (number >= trainings.size()) continue;  // of a longer list
    if (number >= stored_trainings.size() || stored_trainings[number] != trainings[number]) return {};
    outcomes[number] = outcome;
  }
  return outcomes;
}

void store(Study& study, const std::string& name, const json& options, const json& trainings,
           const Outcomes& outcomes) {
  json triples = json::array();
  for (const auto& [number, outcome] : outcomes) {
    triples.push_back({number, outcome.num_epochs, outcome.validation_accuracy});  // NaN is written as null
  }
  study.set_attribute(name, {{kOptions, options}, {kTrainings, trainings}, {kOutcomes, triples}});
}

/// Keeps the slots of a trainer full with the trainings that have no outcome.
class Queue {
 public:
  Queue(Trainer& trainer, const SearchDefinition& search, const std::vector<Training>& trainings,
        const TrainingsOptions& options, Outcomes& outcomes)
      : trainer_(trainer), search_(search), trainings_(trainings), options_(options), outcomes_(outcomes) {
    slots_.resize(static_cast<size_t>(trainer.num_networks()));
    fill();
  }

  bool is_finished() const { return outcomes_.size() == trainings_.size(); }

  /// Trains an epoch. True when a training has ended.
  bool run_epoch() {
    const std::vector<EpochResult> results = trainer_.run_epoch();
    const size_t num_before = outcomes_.size();
    for (size_t slot = 0; slot < slots_.size(); ++slot) {
      const EpochResult& result = results[slot];
      if (!slots_[slot] || result.epoch == 0) continue;
      ++num_epochs_done_;
      ++num_epochs_running_;
      const bool is_aborted = result.validation_accuracy < options_.abort_below;
      if (!result.diverged && !is_aborted && result.epoch < options_.num_epochs) continue;
      const double accuracy = result.diverged ? std::numeric_limits<double>::quiet_NaN() : result.validation_accuracy;
      outcomes_[*slots_[slot]] = {accuracy, result.epoch};
      num_epochs_running_ -= result.epoch;
      slots_[slot].reset();
      trainer_.stop(static_cast<int64_t>(slot));
    }
    fill();
    return outcomes_.size() > num_before;
  }

  TrainingsProgress progress() const {
    TrainingsProgress now;
    now.num_done = static_cast<int64_t>(outcomes_.size());
    now.num_all = static_cast<int64_t>(trainings_.size());
    now.num_running = std::count_if(slots_.begin(), slots_.end(), [](const auto& slot) { return slot.has_value(); });
    now.num_epochs_done = num_epochs_done_;
    now.num_epochs_left = (now.num_all - now.num_done) * options_.num_epochs - num_epochs_running_;
    return now;
  }

 private:
  void fill() {
    for (size_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot]) continue;
      while (next_ < trainings_.size() && outcomes_.contains(next_)) ++next_;
      if (next_ == trainings_.size()) return;
      const Training& training = trainings_[next_];
      const Setting setting = transfer_schedules(training.setting, search_.num_epochs, options_.num_epochs,
                                                 search_.definitions.schedule_transfer);
      trainer_.start(static_cast<int64_t>(slot), {training.seed, setting, options_.num_epochs});
      slots_[slot] = next_++;
    }
  }

  Trainer& trainer_;
  const SearchDefinition& search_;
  const std::vector<Training>& trainings_;
  const TrainingsOptions& options_;
  Outcomes& outcomes_;
  std::vector<std::optional<size_t>> slots_;  // the training in each
  size_t next_ = 0;
  int64_t num_epochs_done_ = 0;     // of all trainings
  int64_t num_epochs_running_ = 0;  // of those that are running
};

/// Trains what has no outcome yet; `on_ended` is called after each epoch that ended some. False where it was stopped.
bool train_rest(const SearchDefinition& search, const TrainingData& data, const TrainerOptions& trainer_options,
                const std::vector<Training>& trainings, const TrainingsOptions& options, Outcomes& outcomes,
                const std::function<void()>& on_ended, const OnTrainingsEpoch& on_epoch) {
  if (outcomes.size() == trainings.size()) return true;
  TrainerOptions slots = trainer_options_of(search, trainer_options);
  slots.num_networks = std::min(options.num_slots, static_cast<int64_t>(trainings.size() - outcomes.size()));
  const std::unique_ptr<Trainer> trainer = make_trainer(parse_model(search.model), data, slots);
  Queue queue(*trainer, search, trainings, options, outcomes);
  while (!queue.is_finished()) {
    if (queue.run_epoch()) on_ended();
    if (on_epoch && !on_epoch(queue.progress()) && !queue.is_finished()) return false;
  }
  return true;
}

std::vector<TrainingOutcome> in_order(const Outcomes& outcomes) {
  std::vector<TrainingOutcome> result;
  for (const auto& [number, outcome] : outcomes) result.push_back(outcome);
  return result;
}

}  // namespace

int64_t StoredTrainings::num_missing() const {
  return std::ranges::count_if(outcomes, [](const auto& outcome) { return !outcome.has_value(); });
}

std::optional<StoredTrainings> stored_trainings(const Study& study, const std::string& name) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(name);
  if (found == attributes.end()) return std::nullopt;
  const Stored stored(study.path(), name, found->second);
  const Stored options(study.path(), name, stored.at(kOptions));
  StoredTrainings result;
  result.options.num_epochs = options.count("epochs");
  result.options.abort_below = options.number("abort_below");
  for (const json& training : stored.array(kTrainings)) {
    const Stored of_training(study.path(), name, training);
    try {
      result.trainings.push_back({parse_setting_json(of_training.at("setting")), of_training.seed("seed")});
    } catch (const InvalidArgument& error) {
      throw StudyError("study '{}': {}: {}", study.path().string(), name, error.what());
    }
  }
  result.outcomes.resize(result.trainings.size());
  for (const json& triple : stored.array(kOutcomes)) {
    const auto [number, outcome] = parse_outcome(stored, triple);
    if (number < result.outcomes.size()) result.outcomes[number] = outcome;
  }
  return result;
}

std::optional<std::vector<TrainingOutcome>> run_trainings(Study& study, const std::string& name,
                                                          const SearchDefinition& search, const TrainingData& data,
                                                          const TrainerOptions& trainer,
                                                          const std::vector<Training>& trainings,
                                                          const TrainingsOptions& options,
                                                          const OnTrainingsEpoch& on_epoch) {
  json identity = json::array();
  for (const Training& training : trainings) identity.push_back(training_json(training));
  Outcomes outcomes = restore(study, name, options_json(options), identity);
  const auto keep = [&] { store(study, name, options_json(options), identity, outcomes); };
  if (!train_rest(search, data, trainer, trainings, options, outcomes, keep, on_epoch)) return std::nullopt;
  return in_order(outcomes);
}

std::optional<std::vector<TrainingOutcome>> run_trainings(const SearchDefinition& search, const TrainingData& data,
                                                          const TrainerOptions& trainer,
                                                          const std::vector<Training>& trainings,
                                                          const TrainingsOptions& options,
                                                          const OnTrainingsEpoch& on_epoch) {
  Outcomes outcomes;
  if (!train_rest(
          search, data, trainer, trainings, options, outcomes, [] {}, on_epoch))
    return std::nullopt;
  return in_order(outcomes);
}

}  // namespace murmur
