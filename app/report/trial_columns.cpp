#include "app/report/trial_columns.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "app/report/columns.hpp"
#include "app/runs.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;
using Time = TrialRecord::Time;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kManyValues = 200000;  // of curves: from here on the size counts more than the last digits

/// As the page counts them.
uint8_t state_code(TrialState state) {
  switch (state) {
    case TrialState::kComplete:
      return 0;
    case TrialState::kPruned:
      return 1;
    case TrialState::kFail:
      return 2;
    case TrialState::kRunning:
      return 3;
    case TrialState::kWaiting:
      return 4;
  }
  return 4;
}

Json seconds_column(const std::vector<std::optional<Time>>& times, Time origin) {
  std::vector<double> seconds;
  for (const std::optional<Time>& time : times) {
    seconds.push_back(time ? std::chrono::duration<double>(*time - origin).count() : kNan);
  }
  return f32_column(seconds);
}

}  // namespace

void TrialColumns::add(const Trial& trial) {
  numbers_.push_back(trial.number);
  constexpr uint8_t kPrunedCode = 5;
  states_.push_back(trial.is_pruned ? kPrunedCode : state_code(trial.state));
  const bool is_aborted = trial.state == TrialState::kPruned;
  const double last = is_aborted && !trial.curve.empty() ? trial.curve.back() : kNan;
  values_.push_back(std::isnan(trial.value) ? last : trial.value);
  stages_.push_back(trial.stage == 1 ? 1 : 0);
  particles_.push_back(trial.particle);
  epochs_.push_back(static_cast<int64_t>(trial.curve.size()));
  curves_.insert(curves_.end(), trial.curve.begin(), trial.curve.end());
  started_.push_back(trial.started);
  finished_.push_back(trial.finished);
}

void TrialColumns::put_into(Json& study) const {
  Json trials{{"number", i32_column(numbers_)},
              {"state", u8_column(states_)},
              {"value", f32_column(values_)},
              {"epochs", i32_column(epochs_)}};
  if (std::ranges::count(stages_, 1) > 0) trials["stage"] = u8_column(stages_);
  if (std::ranges::any_of(particles_, [](int64_t particle) { return particle >= 0; })) {
    trials["particle"] = i32_column(particles_);
  }
  std::optional<Time> origin;
  for (const std::optional<Time>& time : started_) {
    if (time && (!origin || *time < *origin)) origin = time;
  }
  if (origin) {
    origin = std::chrono::floor<std::chrono::seconds>(*origin);  // what its text can say
    trials["origin"] = utc_text(*origin);
    trials["begin"] = seconds_column(started_, *origin);
    trials["end"] = seconds_column(finished_, *origin);
  }
  study["trials"] = std::move(trials);
  study["params"] = Json::array();
  for (const std::vector<double>& values : parameters_) study["params"].push_back(f32_column(values));
  study["curves"] = curves_.empty() ? Json() : curves_.size() > kManyValues ? u16_column(curves_) : f32_column(curves_);
}

}  // namespace murmur::app
