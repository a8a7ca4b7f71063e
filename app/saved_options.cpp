#include "app/saved_options.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <vector>

#include "app/options.hpp"
#include "app/train_command.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/pso/json_text.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

/// (What --from says is in the options that it gave.)
constexpr std::array<std::string_view, 19> kNotSaved{
    "help",  "config", "device", "threads",  "no-graph", "deterministic", "wave",
    "quiet", "json",   "save",   "network",  "resume",   "profile-ticks", "checkpoint",
    "from",  "name",   "trial",  "no-cache", "dry-run"};
/// Saved for convenience: another run may have them differ.
constexpr std::array<std::string_view, 2> kNotCompared{"data", "every"};

std::string name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : option.get_lnames().front();
}

/// --set's words for what is not off. A learning rate stands there where it was given: what it is otherwise depends on
/// other options.
Json canonical_set(const std::vector<std::string>& assignments) {
  const Setting setting = parse_settings(assignments, Definitions{});
  const bool has_rate = std::ranges::any_of(assignments, [](const std::string& assignment) {
    return assignment.starts_with(std::string(technique(Technique::kLearningRate).key) + "=");
  });
  Json list = Json::array();
  const Setting all_off;
  for (const TechniqueInfo& info : techniques()) {
    if (info.id == Technique::kLearningRate ? !has_rate : setting.agrees(all_off, info.id)) continue;
    list.push_back(format_assignment(setting, info.id));
  }
  return list;
}

Json parse(const std::string& saved, const std::string& file) {
  Json options = try_parse_json(saved);
  const auto is_texts = [](const Json& value) {
    return value.is_string() ||
           (value.is_array() && std::ranges::all_of(value, [](const Json& item) { return item.is_string(); }));
  };
  if (!options.is_object() || !std::ranges::all_of(options, is_texts)) {
    throw DataError("{}: expected options with texts in its metadata, got something else", file);
  }
  return options;
}

std::string shown(const Json& value) {
  if (value.is_null()) return "none";
  return value.is_string() ? fmt::format("'{}'", value.get<std::string>()) : value.dump();
}

}  // namespace

Json saved_options(const CLI::App& command) {
  Json result = Json::object();
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = name_of(*option);
    if (std::ranges::find(kNotSaved, name) != kNotSaved.end()) continue;
    if (name == "set") {
      result[name] = canonical_set(option->results());
    } else if (option->count() > 0) {
      result[name] = option->results().back();
    } else if (!option->get_default_str().empty()) {
      result[name] = option->get_default_str();
    }
  }
  return result;
}

void take_saved_options(CLI::App& command, const std::string& saved, const std::string& file) {
  const Json options = parse(saved, file);
  for (const auto& [name, value] : options.items()) {
    CLI::Option* option = command.get_option_no_throw("--" + name);
    if (option == nullptr || option->count() > 0) continue;
    const Json values = value.is_array() ? value : Json::array({value});
    if (values.empty()) continue;
    try {
      for (const Json& text : values) option->add_result(text.get<std::string>());
      option->run_callback();
    } catch (const CLI::Error& error) {
      throw DataError("{}: expected options in its metadata, got: {}", file, error.what());
    }
  }
}

void compare_saved_options(const CLI::App& command, const std::string& saved, const std::string& file,
                           std::string_view but) {
  const Json expected = parse(saved, file), actual = saved_options(command);
  std::set<std::string> names;
  for (const Json& options : {expected, actual}) {
    for (const auto& [name, value] : options.items()) names.insert(name);
  }
  std::vector<std::string> differences;
  for (const std::string& name : names) {
    if (std::ranges::find(kNotCompared, name) != kNotCompared.end() || name == but) continue;
    const Json want = expected.value(name, Json()), got = actual.value(name, Json());
    if (want != got) differences.push_back(fmt::format("--{}: expected {}, got {}", name, shown(want), shown(got)));
  }
  if (differences.empty()) return;
  throw InvalidArgument("{} (expected: as in '{}'; got: the command line's)", fmt::join(differences, "; "), file);
}

}  // namespace murmur::app
