#include "app/config.hpp"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <sstream>

#include "engine/error.hpp"

namespace murmur::app {
namespace {

std::string config_path(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
  }
  return "";
}

/// A TOML scalar as it would stand on the command line.
std::string to_text(const std::string& path, std::string_view key, const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto integer = node.value_exact<int64_t>()) return fmt::format("{}", *integer);
  if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);
  throw InvalidArgument("{}:{}: expected a string or a number for '{}'", path, node.source().begin.line, key);
}

void append(const std::string& path, std::string_view key, const toml::node& node, std::vector<std::string>& result) {
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
  const std::string path = config_path(arguments);
  if (path.empty() || arguments.empty()) return arguments;
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    throw InvalidArgument("{}:{}: expected TOML, got: {}", path, error.source().begin.line, error.description());
  }
  std::vector<std::string> result{arguments.front()};
  for (const auto& [key, value] : table) append(path, key.str(), value, result);
  result.insert(result.end(), arguments.begin() + 1, arguments.end());
  return result;
}

}  // namespace murmur::app
