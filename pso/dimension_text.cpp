#include "murmur/pso/dimension_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/techniques/learning_rate.hpp"

namespace murmur {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  for (;;) {
    const size_t end = text.find(separator);
    words.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end + 1);
  }
}

std::vector<double> parse_values(const TechniqueInfo& info, std::string_view text) {
  std::vector<double> values;
  for (const std::string_view word : split(text, '|')) {
    values.push_back(parse_value(info, word));
    if (std::count(values.begin(), values.end(), values.back()) > 1) {
      throw InvalidArgument("--search {}: expected each value once, got '{}'", info.key, text);
    }
  }
  return values;
}

/// A dimension of some values. That it can be off is said by off being among them.
void set_choices(Dimension& dimension, std::vector<double> values) {
  const double off = technique(dimension.id).off;
  const auto found = std::ranges::find(values, off);
  const bool can_be_off = found != values.end();
  dimension.sparse = has_off(dimension) && dimension.sparse && can_be_off && values.size() > 1;
  dimension.decode = Decode::kCeil;
  dimension.raw_low = 0;
  dimension.raw_high = static_cast<double>(values.size());
  dimension.raw_off = can_be_off ? static_cast<double>(found - values.begin()) + 1 : 1;
  dimension.off_low = dimension.off_high = dimension.low = dimension.high = 0;
  dimension.choices = std::move(values);
}

bool is_log(const Dimension& dimension) {
  return dimension.decode == Decode::kNegativePower || dimension.decode == Decode::kNegativePowerOff;
}

void set_range_of(Dimension& dimension, const std::vector<std::string_view>& words, double off_probability) {
  const TechniqueInfo& info = technique(dimension.id);
  const std::string text(words.front());
  if (!info.choices.empty()) {
    throw InvalidArgument("--search {}: expected values, as in {}={}, got a range", info.key, info.key,
                          info.choices.front());
  }
  const double low = parse_value(info, words[1]), high = parse_value(info, words[2]);
  bool log = is_log(dimension) && low > 0;
  if (words.size() == 4) {
    if (words[3] != "log" && words[3] != "linear") {
      throw InvalidArgument("--search {}: expected log or linear behind the range, got '{}'", info.key, words[3]);
    }
    log = words[3] == "log";
  }
  if (!(low < high)) throw InvalidArgument("--search {}: expected LOW < HIGH, got {} and {}", info.key, low, high);
  if (log && (!(low > 0) || info.kind == Kind::kInteger)) {
    throw InvalidArgument("--search {}: expected a linear range, got log from {}", info.key, low);
  }
  set_range(dimension, low, high, log);
  const bool contains_off = low <= info.off && info.off <= high;
  if (off_probability == 0) dimension.sparse = dimension.sparse && contains_off;
}

/// `@PARENT=VALUE|...`
Condition parse_condition(std::string_view key, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    throw InvalidArgument("--search {}: expected a condition @TECHNIQUE=VALUE, got '@{}'", key, text);
  }
  const TechniqueInfo& parent = technique(text.substr(0, equals));
  if (parent.key == key) throw InvalidArgument("--search {}: expected a condition on another technique", key);
  return {parent.id, parse_values(parent, text.substr(equals + 1))};
}

/// `KEY.schedule` or `KEY.schedule=SCHEDULE|SCHEDULE...`
Dimension parse_schedules(std::string_view key, std::string_view text) {
  const TechniqueInfo& info = technique(key.substr(0, key.size() - kScheduleEnd.size()));
  text.remove_prefix(key.size());
  if (text.empty()) text = "=constant|early:0.5|late:0.5|linear:1:0|linear:0:1";
  if (text.front() != '=') {
    throw InvalidArgument("--search: expected {0} or {0}=SCHEDULE|SCHEDULE, got '{0}{1}'", key, text);
  }
  std::vector<NoiseSchedule> schedules;
  for (const std::string_view word : split(text.substr(1), '|')) {
    schedules.push_back(word == kScheduleShapes.front() ? NoiseSchedule{} : parse_noise_schedule(word));
  }
  return schedule_dimension(info.id, std::move(schedules));
}

}  // namespace

Dimension default_dimension(Technique id, const DimensionDefaults& defaults) {
  Dimension dimension = study_dimension(id);
  if (id == Technique::kLearningRate && defaults.loss_reduction == LossReduction::kMean) {
    const LearningRateRange range = learning_rate_range(defaults.loss_reduction);
    set_range(dimension, range.low, range.high, true);
  }
  const bool off_is_a_choice = dimension.decode == Decode::kCeil;
  if (has_off(dimension) && !off_is_a_choice) set_off_probability(dimension, defaults.off_probability);
  return dimension;
}

Dimension parse_dimension(std::string_view text, const DimensionDefaults& defaults) {
  const std::string_view whole = text;
  const size_t at = text.find('@');
  text = text.substr(0, at);
  DimensionDefaults wanted = defaults;
  const bool is_on = text.ends_with(":on");
  if (is_on) {
    text.remove_suffix(3);
    wanted.off_probability = 0;
  }
  const std::string_view key = text.substr(0, text.find_first_of(":="));
  if (key.ends_with(kScheduleEnd)) {
    Dimension dimension = parse_schedules(key, text);
    if (at != std::string_view::npos) dimension.only = parse_condition(key, whole.substr(at + 1));
    return dimension;
  }
  const TechniqueInfo& info = technique(key);
  Dimension dimension = default_dimension(info.id, wanted);
  const std::vector<std::string_view> words = split(text, ':');
  if (text.size() > key.size() && text[key.size()] == '=') {
    set_choices(dimension, parse_values(info, text.substr(key.size() + 1)));
  } else if (words.size() == 3 || words.size() == 4) {
    set_range_of(dimension, words, wanted.off_probability);
    if (has_off(dimension)) set_off_probability(dimension, wanted.off_probability);
  } else if (words.size() != 1) {
    throw InvalidArgument("--search: expected {0}, {0}:LOW:HIGH, {0}:LOW:HIGH:log or {0}=VALUE|VALUE, got '{1}'", key,
                          whole);
  }
  if (is_on) {
    if (!has_off(dimension)) throw InvalidArgument("--search {}: expected no ':on', it is never off", key);
    dimension.sparse = false;
    if (dimension.decode == Decode::kNegativePowerOff) dimension.decode = Decode::kNegativePower;
  }
  if (at != std::string_view::npos) dimension.only = parse_condition(key, whole.substr(at + 1));
  return dimension;
}

std::string dimension_text(const Dimension& dimension) {
  std::string text = key_of(dimension);
  for (const double value : dimension.choices) text += fmt::format(" {}", format_value(dimension, value));
  if (!dimension.choices.empty()) return text;
  return text + fmt::format(" from {} to {}{}", dimension.low, dimension.high, is_log(dimension) ? ", log" : "");
}

}  // namespace murmur
