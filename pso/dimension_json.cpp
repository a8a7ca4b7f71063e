#include "murmur/pso/dimension_json.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "murmur/engine/error.hpp"
#include "murmur/pso/setting_json.hpp"

namespace murmur {
namespace {

using nlohmann::json;

std::string_view kind_name(Kind kind) {
  if (kind == Kind::kCategorical) return "categorical";
  return kind == Kind::kInteger ? "integer" : "float";
}

json values_json(const TechniqueInfo& info, const std::vector<double>& values) {
  json array = json::array();
  for (const double value : values) array.push_back(value_json(info, value));
  return array;
}

std::vector<double> parse_values_json(const TechniqueInfo& info, const json& array) {
  if (!array.is_array() || array.empty()) throw InvalidArgument("{}: expected choices, got {}", info.key, array.dump());
  std::vector<double> values;
  for (const json& value : array) {
    values.push_back(parse_value_json(info, value));
    Setting().set(info.id, values.back());  // throws where it cannot be
  }
  return values;
}

/// A field of a dimension's. Throws: InvalidArgument where it is not there, or of another type.
double number(const json& object, const TechniqueInfo& info, const char* field) {
  const auto found = object.find(field);
  if (found != object.end() && found->is_number() && std::isfinite(found->get<double>())) return found->get<double>();
  throw InvalidArgument("expected {} of {} = a number, got {}", field, info.key,
                        found == object.end() ? "none" : found->dump());
}

Decode parse_decode(const json& object, const TechniqueInfo& info) {
  const json name = object.value("decode", json());
  const auto* const found = name.is_string() ? std::ranges::find(kDecodes, name.get<std::string>()) : kDecodes.end();
  if (found != kDecodes.end()) return static_cast<Decode>(found - kDecodes.begin());
  throw InvalidArgument("expected decode of {} = a way to decode, got {}", info.key,
                        name.is_null() ? "none" : name.dump());
}

Condition parse_condition_json(const json& object) {
  if (!object.is_object() || object.size() != 1) {
    throw InvalidArgument("expected a condition on one technique, got {}", object.dump());
  }
  const TechniqueInfo& parent = technique(object.begin().key());
  return {parent.id, parse_values_json(parent, object.begin().value())};
}

/// All of a schedule's dimension that is not the same for each.
json schedule_json(const Dimension& dimension) {
  json choices = json::array();
  for (const double place : dimension.choices) choices.push_back(format_value(dimension, place));
  json object{{"key", key_of(dimension)}, {"kind", "categorical"}, {"choices", choices}};
  if (dimension.only) {
    const TechniqueInfo& parent = technique(dimension.only->technique);
    object["only"] = {{std::string(parent.key), values_json(parent, dimension.only->values)}};
  }
  return object;
}

Dimension parse_schedule_json(const json& object, const std::string& key) {
  const json choices = object.value("choices", json());
  const TechniqueInfo& info = technique(key.substr(0, key.size() - kScheduleEnd.size()));
  std::vector<NoiseSchedule> schedules;
  for (const json& text : choices.is_array() ? choices : json::array()) {
    if (!text.is_string()) throw InvalidArgument("{}: expected a schedule, got {}", key, text.dump());
    schedules.push_back(parse_noise_schedule(text.get<std::string>()));
  }
  Dimension dimension = schedule_dimension(info.id, std::move(schedules));
  if (object.contains("only")) dimension.only = parse_condition_json(object.at("only"));
  if (const json expected = schedule_json(dimension); expected != object) {
    throw InvalidArgument("expected search_space {} = {}, got {}", key, expected.dump(), object.dump());
  }
  return dimension;
}

/// Throws where the bounds are none, or of values that cannot be.
void check_bounds(const Dimension& dimension, const TechniqueInfo& info) {
  const double low = dimension.raw_low, high = dimension.raw_high;
  if (!(low < high)) throw InvalidArgument("expected raw_low < raw_high of {}, got {} and {}", info.key, low, high);
  const size_t num_choices = dimension.choices.size();
  if (dimension.decode == Decode::kCeil && !(low == 0 && high == static_cast<double>(num_choices))) {
    throw InvalidArgument("expected raw bounds of {} = 0 and {}, the number of its choices, got {} and {}", info.key,
                          num_choices, low, high);
  }
  if (num_choices > 0) return;
  if (!(dimension.low <= dimension.high)) {
    throw InvalidArgument("expected low <= high of {}, got {} and {}", info.key, dimension.low, dimension.high);
  }
  for (const double value : {dimension.low, dimension.high}) Setting().set(info.id, value);
}

}  // namespace

json value_json(const Dimension& dimension, double value) {
  if (is_schedule(dimension)) return format_value(dimension, value);
  return value_json(technique(dimension.id), value);
}

json dimension_json(const Dimension& dimension) {
  const TechniqueInfo& info = technique(dimension.id);
  if (is_schedule(dimension)) return schedule_json(dimension);
  json object{{"key", info.key},
              {"kind", kind_name(info.kind)},
              {"off", value_json(info, info.off)},
              {"decode", kDecodes[static_cast<size_t>(dimension.decode)]},
              {"raw_low", dimension.raw_low},
              {"raw_high", dimension.raw_high},
              {"raw_off", dimension.raw_off},
              {"sparse", dimension.sparse}};
  if (has_off_interval(dimension)) {
    object["off_low"] = dimension.off_low;
    object["off_high"] = dimension.off_high;
  }
  if (dimension.only) {
    const TechniqueInfo& parent = technique(dimension.only->technique);
    object["only"] = {{std::string(parent.key), values_json(parent, dimension.only->values)}};
  }
  if (!dimension.choices.empty()) {
    object["choices"] = values_json(info, dimension.choices);
    return object;
  }
  const bool is_power = dimension.decode == Decode::kNegativePower || dimension.decode == Decode::kNegativePowerOff;
  object["scale"] = is_power ? "log" : "linear";
  object["low"] = dimension.low;
  object["high"] = dimension.high;
  return object;
}

Dimension parse_dimension_json(const json& object) {
  if (!object.is_object() || !object.contains("key") || !object.at("key").is_string()) {
    throw InvalidArgument("expected search_space with a key, range and scale for each dimension, got {}",
                          object.dump());
  }
  const auto key = object.at("key").get<std::string>();
  if (key.ends_with(kScheduleEnd)) return parse_schedule_json(object, key);
  const TechniqueInfo& info = technique(key);
  Dimension dimension{.id = info.id, .decode = parse_decode(object, info)};
  dimension.raw_low = number(object, info, "raw_low");
  dimension.raw_high = number(object, info, "raw_high");
  dimension.raw_off = number(object, info, "raw_off");
  dimension.sparse = object.value("sparse", json()) == true;
  if (object.contains("off_low")) {
    dimension.off_low = number(object, info, "off_low");
    dimension.off_high = number(object, info, "off_high");
  }
  if (object.contains("only")) dimension.only = parse_condition_json(object.at("only"));
  if (dimension.decode == Decode::kCeil || !info.choices.empty()) {
    dimension.choices = parse_values_json(info, object.value("choices", json()));
  } else {
    dimension.low = number(object, info, "low");
    dimension.high = number(object, info, "high");
  }
  check_bounds(dimension, info);
  // What is left: fields of another type, or that no dimension has.
  if (const json expected = dimension_json(dimension); expected != object) {
    throw InvalidArgument("expected search_space {} = {}, got {}", info.key, expected.dump(), object.dump());
  }
  return dimension;
}

}  // namespace murmur
