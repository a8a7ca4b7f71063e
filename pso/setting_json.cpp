#include "murmur/pso/setting_json.hpp"

#include <string>

#include "murmur/engine/error.hpp"

namespace murmur {

using nlohmann::json;

json value_json(const TechniqueInfo& info, double value) {
  return info.choices.empty() ? json(value) : json(format_value(info, value));
}

double parse_value_json(const TechniqueInfo& info, const json& value) {
  if (value.is_string() && !info.choices.empty()) return parse_value(info, value.get<std::string>());
  if (value.is_number() && info.choices.empty()) return value.get<double>();
  throw InvalidArgument("{}: expected {}, got {}", info.key, info.choices.empty() ? "a number" : "the name of a choice",
                        value.dump(-1, ' ', true, json::error_handler_t::replace));
}

json value_json(const Setting& setting, Technique id) {
  if (setting.schedule(id).is_constant()) return value_json(technique(id), setting[id]);
  return format_setting(setting, id);
}

void parse_value_json(Setting& setting, const TechniqueInfo& info, const json& value) {
  const bool has_schedule = value.is_string() && value.get_ref<const std::string&>().find('@') != std::string::npos;
  if (has_schedule) return parse_into(setting, info, value.get<std::string>());
  setting.set(info.id, parse_value_json(info, value));
  setting.set_schedule(info.id, {});
}

json setting_json(const Setting& setting, SettingPart part) {
  const Setting all_off;
  json object = json::object();
  for (const TechniqueInfo& info : techniques()) {
    if (part == SettingPart::kNotOff && setting.agrees(all_off, info.id)) continue;
    object[std::string(info.key)] = value_json(setting, info.id);
  }
  return object;
}

Setting parse_setting_json(const json& object) {
  if (!object.is_object()) {
    throw InvalidArgument("setting: expected an object of techniques, got {}",
                          object.dump(-1, ' ', true, json::error_handler_t::replace));
  }
  Setting setting;
  for (const auto& [key, value] : object.items()) {
    parse_value_json(setting, technique(key), value);
  }
  return setting;
}

}  // namespace murmur
