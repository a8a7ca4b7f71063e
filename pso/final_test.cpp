#include "murmur/pso/final_test.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "murmur/engine/error.hpp"
#include "murmur/layers/schedule.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/stored.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr const char* kAttribute = "final_test";
constexpr const char* kKey = "key";
constexpr const char* kAccuracies = "test_accuracies";

std::vector<FinalRow> rows_of(const Study& study, int64_t top) {
  std::vector<FinalRow> rows;
  const std::optional<Baseline> baseline = read_baseline(study);
  rows.push_back({-1, baseline ? baseline->validation_accuracy : 0, study.base()});
  std::vector<TrialRecord> trials = study.trials();
  std::erase_if(trials, [](const TrialRecord& trial) { return trial.state != TrialState::kComplete; });
  std::ranges::stable_sort(trials, std::greater<>(), &TrialRecord::value);
  for (const TrialRecord& trial : trials) {
    if (static_cast<int64_t>(rows.size()) > top) break;
    rows.push_back({trial.number, trial.value, trial.setting});
  }
  return rows;
}

/// What identifies a final test; when it is the same, its results are too.
json key_of(const FinalTest& test, int64_t repeats) {
  json trials = json::array();
  for (const FinalRow& row : test.rows) trials.push_back(row.trial);
  return {{"trials", trials}, {"repeats", repeats}, {"epochs", test.num_epochs}};
}

/// Fills in what the study has of this final test. False when it has none, or one of another key.
bool restore(const Study& study, const json& key, int64_t repeats, std::vector<FinalRow>& rows) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(kAttribute);
  if (found == attributes.end()) return false;
  const Stored stored(study.path(), kAttribute, found->second);
  if (stored.at(kKey) != key) return false;
  const json& accuracies = stored.array(kAccuracies);
  if (accuracies.size() != rows.size()) stored.fail(kAccuracies, "an array for each trial");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!accuracies[i].is_array() || static_cast<int64_t>(accuracies[i].size()) != repeats) {
      stored.fail(kAccuracies, "an accuracy for each training");
    }
    for (const json& value : accuracies[i]) {
      if (!value.is_null() && !value.is_number()) stored.fail(kAccuracies, "numbers, or null");
      rows[i].test_accuracies.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                        : value.get<double>());
    }
  }
  return true;
}

void store(Study& study, const json& key, const std::vector<FinalRow>& rows) {
  json accuracies = json::array();
  for (const FinalRow& row : rows) accuracies.push_back(row.test_accuracies);  // NaN is written as null
  study.set_attribute(kAttribute, {{kKey, key}, {kAccuracies, accuracies}});
}

/// The same images, all of the training file to train on.
TrainingData train_on_all(TrainingData data) {
  data.training = {0, data.train_images.shape()[0]};
  data.validation = {};
  return data;
}

void train_rows(const SearchDefinition& search, const TrainingData& data, TrainerOptions trainer_options,
                int64_t repeats, FinalTest& test, const FinalTestProgress& progress) {
  std::vector<FinalRow>& rows = test.rows;
  const auto num_networks = static_cast<int64_t>(rows.size()) * repeats;
  trainer_options.num_networks = num_networks;
  PopulationTrainer trainer(parse_model(search.model), train_on_all(data), trainer_options);
  for (int64_t network = 0; network < num_networks; ++network) {
    const FinalRow& row = rows[static_cast<size_t>(network / repeats)];
    const Setting setting =
        transfer_schedules(row.setting, test.schedule_epochs, test.num_epochs, search.definitions.schedule_transfer);
    trainer.start(network, {test.first_seed + static_cast<uint64_t>(network % repeats), setting, test.num_epochs});
  }
  std::vector<EpochResult> results;
  for (int64_t epoch = 1; epoch <= test.num_epochs; ++epoch) {
    results = trainer.run_epoch();
    if (progress) progress(num_networks, epoch, test.num_epochs);
  }
  const std::vector<Evaluation> tests = trainer.evaluate_test();
  for (size_t network = 0; network < tests.size(); ++network) {
    rows[network / static_cast<size_t>(repeats)].test_accuracies.push_back(
        results[network].diverged ? std::numeric_limits<double>::quiet_NaN() : tests[network].accuracy);
  }
}

}  // namespace

FinalTest final_test(Study& study, const SearchDefinition& search, const TrainingData& data,
                     const TrainerOptions& trainer, const FinalTestOptions& options,
                     const FinalTestProgress& progress) {
  FinalTest test{.num_epochs = options.num_epochs > 0 ? options.num_epochs : search.num_epochs,
                 .schedule_epochs = search.num_epochs,
                 .first_seed = search.seed + static_cast<uint64_t>(kMaxTrials),
                 .rows = rows_of(study, options.top)};
  const json key = key_of(test, options.repeats);
  if (!restore(study, key, options.repeats, test.rows)) {
    train_rows(search, data, trainer_options_of(search, trainer), options.repeats, test, progress);
    store(study, key, test.rows);
  }
  return test;
}

}  // namespace murmur
