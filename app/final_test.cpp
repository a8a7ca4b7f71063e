#include "app/final_test.hpp"

#include <fmt/format.h>

#include <cmath>

#include "murmur/pso/setting_json.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

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

void print_final_test(const FinalTest& test, const Study& study) {
  fmt::print("\n{:>9}  {:>10}  {:>17}  setting\n", "trial", "validation", "test");
  for (const FinalRow& row : test.rows) {
    const Statistics accuracy = statistics(row.test_accuracies);
    fmt::print("{:>9}  {:>10.4f}  {:>8.4f} ± {:.4f}  {}\n", row.trial < 0 ? "baseline" : fmt::format("{}", row.trial),
               row.validation_accuracy, accuracy.mean, accuracy.deviation, describe_setting(study, row.setting));
  }
  fmt::print(
      "\nvalidation: accuracy of the trial. test: mean ± standard deviation of {} trainings of {} epochs on train + "
      "validation.\n",
      test.rows.front().test_accuracies.size(), test.num_epochs);
}

Json to_json(const FinalTest& test, const Study& study) {
  Json rows = Json::array();
  for (const FinalRow& row : test.rows) {
    Json accuracies = Json::array();
    for (const double value : row.test_accuracies) accuracies.push_back(finite_or_null(value));
    rows.push_back({{"trial", row.trial < 0 ? Json(nullptr) : Json(row.trial)},
                    {"validation_accuracy", finite_or_null(row.validation_accuracy)},
                    {"test_accuracies", accuracies},
                    {"setting", setting_json(row.setting)}});
  }
  return {{"study", study.path().string()},
          {"epochs", test.num_epochs},
          {"schedule_epochs", test.schedule_epochs},
          {"first_seed", test.first_seed},
          {"rows", rows}};
}

}  // namespace murmur::app
