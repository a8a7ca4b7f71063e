#include "app/starts.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/study_trial.hpp"
#include "app/text_file.hpp"
#include "app/toml_file.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/json_text.hpp"
#include "murmur/pso/setting_json.hpp"
#include "murmur/pso/study.hpp"

namespace murmur::app {
namespace {

using nlohmann::json;

/// The values of a TOML table as JSON has them.
json toml_json(const std::string& path, const toml::table& table) {
  json object = json::object();
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (const auto text = node.value_exact<std::string>()) {
      object[name] = *text;
    } else if (const auto number = node.value<double>(); number && !node.is_boolean()) {
      object[name] = *number;
    } else {
      throw InvalidArgument("--start {}:{}: expected a string or a number for '{}'", path, node.source().begin.line,
                            name);
    }
  }
  return object;
}

/// The values of a file: of its table [set], of its object "setting", or of the whole of it.
json read_values(const std::string& path) {
  const std::string text = read_text("--start", "off, none, STUDY:TRIAL or a file", path);
  if (path.ends_with(".json")) {
    const json object = try_parse_json(text);
    if (!object.is_object()) throw InvalidArgument("--start {}: expected an object of techniques in JSON", path);
    return object.contains("setting") ? object.at("setting") : object;
  }
  const toml::table table = parse_toml(text, "--start " + path);
  const toml::table* const set = table["set"].as_table();
  return toml_json(path, set != nullptr ? *set : table);
}

/// A schedule that a position cannot say would be lost.
void check_schedules(const std::string& word, const Setting& setting, const SearchSpace& space, const Setting& base) {
  const Setting said = space.decode(space.encode(setting), base);
  for (const TechniqueInfo& info : techniques()) {
    if (said.schedule(info.id) == setting.schedule(info.id)) continue;
    throw InvalidArgument("--start {}: expected schedules that are searched (see --search {}.schedule), got {}", word,
                          info.key, format_assignment(setting, info.id));
  }
}

Setting read_file(const std::string& path, const SearchSpace& space, const Setting& base) {
  const json values = read_values(path);
  Setting setting = base;
  for (const auto& [key, value] : values.items()) {
    const TechniqueInfo& info = technique(key);
    parse_value_json(setting, info, value);
    if (space.find(info.id) == nullptr && setting[info.id] != base[info.id]) {
      throw InvalidArgument("--start {}: expected values of searched techniques, got {}, which is not (see --set)",
                            path, key);
    }
  }
  check_schedules(path, setting, space, base);
  return setting;
}

Setting read_trial(const std::string& path, const std::string& trial, const SearchSpace& space, const Setting& base) {
  const TrialRecord record = chosen_trial(Study::open_read_only(path), trial, "--start STUDY:TRIAL");
  Setting setting = base;
  for (const Dimension& dimension : space.dimensions()) {
    setting.set(dimension.id, record.setting[dimension.id]);
    setting.set_schedule(dimension.id, record.setting.schedule(dimension.id));
  }
  check_schedules(path + ":" + trial, setting, space, base);
  return setting;
}

}  // namespace

std::vector<Setting> read_starts(const std::vector<std::string>& words, const SearchSpace& space, const Setting& base) {
  std::vector<Setting> starts;
  for (const std::string& word : words) {
    if (word == "none") {
      if (words.size() == 1) return {};
      throw InvalidArgument("--start: expected 'none' alone, got {} starts", words.size());
    }
    const size_t colon = word.rfind(':');
    if (word == "off") {
      starts.push_back(base);
    } else if (colon != std::string::npos && !std::filesystem::exists(word)) {
      starts.push_back(read_trial(word.substr(0, colon), word.substr(colon + 1), space, base));
    } else {
      starts.push_back(read_file(word, space, base));
    }
  }
  return starts;
}

}  // namespace murmur::app
