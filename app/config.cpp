#include "app/config.hpp"

#include <fmt/format.h>

#include <optional>

#include "app/text_file.hpp"
#include "app/toml_file.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

/// Takes `--config FILE` out of the arguments; the last one counts.
std::optional<std::string> take_config_path(std::vector<std::string>& arguments) {
  std::optional<std::string> path;
  for (auto at = arguments.begin(); at != arguments.end();) {
    if (*at == "--config" && at + 1 != arguments.end()) {
      path = *(at + 1);
      at = arguments.erase(at, at + 2);
    } else if (at->starts_with("--config=")) {
      path = at->substr(9);
      at = arguments.erase(at);
    } else {
      ++at;
    }
  }
  return path;
}

/// A TOML scalar as it would stand on the command line.
std::string to_text(const std::string& path, std::string_view key, const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto integer = node.value_exact<int64_t>()) return fmt::format("{}", *integer);
  if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);
  throw InvalidArgument("{}:{}: expected a string or a number for '{}'", path, node.source().begin.line, key);
}

void append(const std::string& path, std::string_view key, const toml::node& node, std::vector<std::string>& result) {
  if (key == "config") {
    throw InvalidArgument("{}:{}: expected options, got another 'config'", path, node.source().begin.line);
  }
  if (key == "set" && node.is_table()) {
    for (const auto& [name, value] : *node.as_table()) {
      result.push_back(fmt::format("--set={}={}", name.str(), to_text(path, name.str(), value)));
    }
  } else if (const auto flag = node.value_exact<bool>()) {
    if (*flag) result.push_back(fmt::format("--{}", key));
  } else if (const toml::array* list = node.as_array()) {
    for (const toml::node& value : *list) result.push_back(fmt::format("--{}={}", key, to_text(path, key, value)));
  } else {
    result.push_back(fmt::format("--{}={}", key, to_text(path, key, node)));
  }
}

}  // namespace

std::vector<std::string> expand_config(const std::vector<std::string>& arguments) {
  std::vector<std::string> others = arguments;
  const std::optional<std::string> path = take_config_path(others);
  if (!path || others.empty()) return arguments;
  const toml::table table = parse_toml(read_text("--config", "a TOML file", *path), *path);
  std::vector<std::string> result{others.front()};
  for (const auto& [key, value] : table) append(*path, key.str(), value, result);
  result.insert(result.end(), others.begin() + 1, others.end());
  return result;
}

}  // namespace murmur::app
