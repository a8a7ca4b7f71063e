#include "app/final_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "app/progress.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kAttribute = "final_test";

/// JSON has no NaN: null.
Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

struct Statistics {
  double mean;
  double deviation;
};

Statistics statistics(const std::vector<double>& values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1)) : 0};
}

std::vector<FinalRow> rows_of(const Study& study, int64_t top) {
  std::vector<FinalRow> rows;
  const Attributes attributes = study.attributes();
  const auto baseline = attributes.find("baseline");
  rows.push_back({-1, baseline == attributes.end() ? 0 : baseline->second.at("validation_accuracy").get<double>(), {}});
  std::vector<TrialRecord> trials = study.trials();
  std::erase_if(trials, [](const TrialRecord& trial) { return trial.state != TrialState::kComplete; });
  std::ranges::stable_sort(trials, std::greater<>(), &TrialRecord::value);
  for (const TrialRecord& trial : trials) {
    if (static_cast<int64_t>(rows.size()) > top) break;
    rows.push_back({trial.number, trial.value, {}});
  }
  return rows;
}

/// What identifies a final test; when it is the same, its results are too.
Json key_of(const FinalTest& test, int64_t repeats) {
  Json trials = Json::array();
  for (const FinalRow& row : test.rows) trials.push_back(row.trial);
  return {{"trials", trials}, {"repeats", repeats}, {"epochs", test.num_epochs}};
}

bool restore(const Study& study, const Json& key, std::vector<FinalRow>& rows) {
  const Attributes attributes = study.attributes();
  const auto stored = attributes.find(kAttribute);
  if (stored == attributes.end() || stored->second.value("key", Json()) != key) return false;
  const Json& accuracies = stored->second.at("test_accuracies");
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const Json& value : accuracies.at(i)) {
      rows[i].test_accuracies.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                        : value.get<double>());
    }
  }
  return true;
}

void store(Study& study, const Json& key, const std::vector<FinalRow>& rows) {
  Json accuracies = Json::array();
  for (const FinalRow& row : rows) {
    Json list = Json::array();
    for (const double value : row.test_accuracies) list.push_back(finite_or_null(value));
    accuracies.push_back(list);
  }
  study.set_attribute(kAttribute, {{"key", key}, {"test_accuracies", accuracies}});
}

void train_rows(const CommonOptions& options, const ModelSpecification& model, const Study& study, int64_t repeats,
                FinalTest& test) {
  std::vector<FinalRow>& rows = test.rows;
  const auto num_networks = static_cast<int64_t>(rows.size()) * repeats;
  const TrainerOptions trainer_options = app::trainer_options(options, num_networks);
  PopulationTrainer trainer(model, load_training_data(options, trainer_options.device, true), trainer_options);
  for (int64_t network = 0; network < num_networks; ++network) {
    const FinalRow& row = rows[static_cast<size_t>(network / repeats)];
    const Setting found = row.trial < 0 ? study.base() : study.trial(row.trial).setting;
    const Setting setting = transfer_schedules(found, test.schedule_epochs, test.num_epochs);
    trainer.start(network, {test.first_seed + static_cast<uint64_t>(network % repeats), setting, test.num_epochs});
  }
  Progress progress(options.quiet);
  std::vector<EpochResult> results;
  for (int64_t epoch = 1; epoch <= test.num_epochs; ++epoch) {
    results = trainer.run_epoch();
    progress.show(
        fmt::format("final test: {} networks on train + validation, epoch {}/{}", num_networks, epoch, test.num_epochs),
        epoch == test.num_epochs);
  }
  const std::vector<Evaluation> tests = trainer.evaluate_test();
  for (size_t network = 0; network < tests.size(); ++network) {
    rows[network / static_cast<size_t>(repeats)].test_accuracies.push_back(
        results[network].diverged ? std::numeric_limits<double>::quiet_NaN() : tests[network].accuracy);
  }
}

/// The values of the searched techniques that are not off.
std::string describe_setting(const Study& study, const Setting& setting) {
  std::string text;
  for (const Technique id : study.space().techniques()) {
    const TechniqueInfo& info = technique(id);
    if (setting[id] == info.off) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", info.key,
                        info.choices.empty() ? fmt::format("{:.4g}", setting[id]) : format_value(info, setting[id]));
  }
  return text.empty() ? "all off" : text;
}

}  // namespace

FinalTest final_test(const CommonOptions& options, const ModelSpecification& model, Study& study,
                     const FinalTestOptions& test_options) {
  FinalTest test{.num_epochs = test_options.num_epochs > 0 ? test_options.num_epochs : options.epochs,
                 .schedule_epochs = options.epochs,
                 .first_seed = options.seed + static_cast<uint64_t>(kMaxTrials),
                 .rows = rows_of(study, test_options.top)};
  const Json key = key_of(test, test_options.repeats);
  if (!restore(study, key, test.rows)) {
    train_rows(options, model, study, test_options.repeats, test);
    store(study, key, test.rows);
  }
  return test;
}

void print_final_test(const FinalTest& test, const Study& study) {
  fmt::print("\n{:>9}  {:>10}  {:>17}  setting\n", "trial", "validation", "test");
  for (const FinalRow& row : test.rows) {
    const Statistics accuracy = statistics(row.test_accuracies);
    const Setting setting = row.trial < 0 ? study.base() : study.trial(row.trial).setting;
    fmt::print("{:>9}  {:>10.4f}  {:>8.4f} ± {:.4f}  {}\n", row.trial < 0 ? "baseline" : fmt::format("{}", row.trial),
               row.validation_accuracy, accuracy.mean, accuracy.deviation, describe_setting(study, setting));
  }
  fmt::print(
      "\nvalidation: accuracy of the trial. test: mean ± standard deviation of {} trainings of {} epochs on train + "
      "validation.\n",
      test.rows.front().test_accuracies.size(), test.num_epochs);
}

Json to_json(const FinalTest& test, const Study& study) {
  Json rows = Json::array();
  for (const FinalRow& row : test.rows) {
    const Setting setting = row.trial < 0 ? study.base() : study.trial(row.trial).setting;
    Json values;
    for (const TechniqueInfo& info : techniques()) values[std::string(info.key)] = setting[info.id];
    Json accuracies = Json::array();
    for (const double value : row.test_accuracies) accuracies.push_back(finite_or_null(value));
    rows.push_back({{"trial", row.trial < 0 ? Json(nullptr) : Json(row.trial)},
                    {"validation_accuracy", finite_or_null(row.validation_accuracy)},
                    {"test_accuracies", accuracies},
                    {"setting", values}});
  }
  return {{"study", study.path().string()},
          {"epochs", test.num_epochs},
          {"schedule_epochs", test.schedule_epochs},
          {"first_seed", test.first_seed},
          {"rows", rows}};
}

}  // namespace murmur::app
