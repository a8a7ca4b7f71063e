#include "murmur/pso/final_test.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "murmur/layers/schedule.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/stored.hpp"
#include "murmur/techniques/learning_rate.hpp"

namespace murmur {
namespace {

using nlohmann::json;

constexpr const char* kFinalTest = "final_test";
constexpr const char* kKey = "key";
constexpr const char* kTestAccuracies = "test_accuracies";

/// The baseline, and behind it the winner.
using Rows = std::array<FinalRow*, 2>;

/// What identifies a final test; when it is the same, its results are too.
json identity_of(const FinalTest& test, int64_t repeats) {
  return {{"trials", {test.baseline.trial, test.winner.trial}}, {"repeats", repeats}, {"epochs", test.num_epochs}};
}

/// Fills in what the study has of this final test. False when it has none, or one of another key.
bool restore(const Study& study, const json& key, int64_t repeats, const Rows& rows) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(kFinalTest);
  if (found == attributes.end()) return false;
  const Stored stored(study.path(), kFinalTest, found->second);
  if (stored.at(kKey) != key) return false;
  const json& accuracies = stored.array(kTestAccuracies);
  if (accuracies.size() != rows.size()) stored.fail(kTestAccuracies, "an array for each trial");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!accuracies[i].is_array() || static_cast<int64_t>(accuracies[i].size()) != repeats) {
      stored.fail(kTestAccuracies, "an accuracy for each training");
    }
    for (const json& value : accuracies[i]) {
      if (!value.is_null() && !value.is_number()) stored.fail(kTestAccuracies, "numbers, or null");
      rows.at(i)->test_accuracies.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                            : value.get<double>());
    }
  }
  return true;
}

void store(Study& study, const json& key, const Rows& rows) {
  json accuracies = json::array();
  for (const FinalRow* row : rows) accuracies.push_back(row->test_accuracies);  // NaN is written as null
  study.set_attribute(kFinalTest, {{kKey, key}, {kTestAccuracies, accuracies}});
}

/// The same images, all of the training file to train on.
TrainingData train_on_all(TrainingData data) {
  data.training = {0, data.train_images.shape()[0]};
  data.validation = {};
  return data;
}

/// False where `progress` stopped it.
bool train_rows(const SearchDefinition& search, const TrainingData& data, TrainerOptions trainer_options,
                int64_t repeats, const FinalTest& test, const Rows& rows, const FinalTestProgress& progress) {
  const auto num_networks = static_cast<int64_t>(rows.size()) * repeats;
  trainer_options.num_networks = num_networks;
  const std::unique_ptr<Trainer> trainer =
      make_trainer(parse_model(search.model), train_on_all(data), trainer_options, {.lockstep = true});
  for (int64_t network = 0; network < num_networks; ++network) {
    const FinalRow& row = *rows.at(static_cast<size_t>(network / repeats));
    const Setting setting =
        transfer_schedules(row.setting, test.schedule_epochs, test.num_epochs, search.definitions.schedule_transfer);
    trainer->start(network, {test.first_seed + static_cast<uint64_t>(network % repeats), setting, test.num_epochs});
  }
  std::vector<EpochResult> results;
  for (int64_t epoch = 1; epoch <= test.num_epochs; ++epoch) {
    results = trainer->run_epoch();
    if (progress && !progress(num_networks, epoch, test.num_epochs) && epoch < test.num_epochs) return false;
  }
  const std::vector<Evaluation> tests = trainer->evaluate_test();
  for (size_t network = 0; network < tests.size(); ++network) {
    rows.at(network / static_cast<size_t>(repeats))
        ->test_accuracies.push_back(results[network].diverged ? std::numeric_limits<double>::quiet_NaN()
                                                              : tests[network].accuracy);
  }
  return true;
}

}  // namespace

namespace {

/// A test of this trial, without its results.
FinalTest test_of(const Study& study, const SearchDefinition& search, const TrialRecord& trial, int64_t num_epochs) {
  const std::optional<Baseline> baseline = read_baseline(study);
  return {.num_epochs = num_epochs,
          .schedule_epochs = search.num_epochs,
          .first_seed = search.seed + static_cast<uint64_t>(kMaxTrials),
          .baseline = {-1, baseline ? baseline->validation_accuracy : 0, study.base()},
          .winner = {trial.number, trial.value, trial.setting}};
}

}  // namespace

std::optional<FinalTest> stored_final_test(const Study& study, const SearchDefinition& search) {
  const std::optional<int64_t> trial = tested_trial(study);
  if (!trial) return std::nullopt;
  const Stored stored(study.path(), kFinalTest, study.attributes().at(kFinalTest));
  const Stored key(study.path(), kFinalTest, stored.at(kKey));
  FinalTest test = test_of(study, search, study.trial(*trial), key.count("epochs"));
  restore(study, stored.at(kKey), key.count("repeats"), {&test.baseline, &test.winner});
  return test;
}

std::optional<FinalTest> final_test(Study& study, const SearchDefinition& search, const TrainingData& data,
                                    const TrainerOptions& trainer, const TrialRecord& trial,
                                    const FinalTestOptions& options, const FinalTestProgress& progress) {
  FinalTest test = test_of(study, search, trial, options.num_epochs > 0 ? options.num_epochs : search.num_epochs);
  const Rows rows{&test.baseline, &test.winner};
  const json key = identity_of(test, options.repeats);
  if (!restore(study, key, options.repeats, rows)) {
    const TrainerOptions trainer_options = trainer_options_of(search, trainer);
    if (!train_rows(search, data, trainer_options, options.repeats, test, rows, progress)) return std::nullopt;
    store(study, key, rows);
  }
  return test;
}

std::optional<int64_t> tested_trial(const Study& study) {
  const Attributes attributes = study.attributes();
  const auto found = attributes.find(kFinalTest);
  if (found == attributes.end()) return std::nullopt;
  const Stored stored(study.path(), kFinalTest, found->second);
  const json& key = stored.at(kKey);
  const json trials = key.is_object() ? key.value("trials", json()) : json();
  if (!trials.is_array() || trials.size() != 2 || !trials[1].is_number_integer()) {
    stored.fail(kKey, "the numbers of the trials that were tested");
  }
  return trials[1].get<int64_t>();
}

std::string_view baseline_name(const SearchDefinition& search) {
  Setting off;
  const auto optimizer = static_cast<Optimizer>(off[Technique::kOptimizer]);
  off.set(Technique::kLearningRate, default_learning_rate(optimizer, search.definitions.loss_reduction));
  return search.base == off ? "all off" : "the baseline";
}

}  // namespace murmur
