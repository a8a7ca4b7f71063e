#include "murmur/pso/stored.hpp"

#include <charconv>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {

using nlohmann::json;

namespace {

constexpr int64_t kMaxCount = int64_t{1} << 53;

std::string replaced_text(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace

Stored::Stored(const std::filesystem::path& path, std::string whose, json object)
    : path_(path.string()), whose_(std::move(whose)), object_(std::move(object)) {
  if (object_.is_object()) return;
  throw StudyError("study '{}': {}: expected an object, got {}", path_, whose_, replaced_text(object_));
}

void Stored::fail(const std::string& key, const char* expected) const {
  const auto found = object_.find(key);
  throw StudyError("study '{}': {}: expected {} = {}, got {}", path_, whose_, key, expected,
                   found == object_.end() ? "none" : replaced_text(*found));
}

const json& Stored::at(const std::string& key) const {
  static const json none;
  const auto found = object_.find(key);
  return found == object_.end() ? none : *found;
}

int64_t Stored::count(const std::string& key) const {
  const json& value = at(key);
  if (!value.is_number_integer() || value < 0 || value > kMaxCount) fail(key, "a whole number from 0");
  return value.get<int64_t>();
}

double Stored::number(const std::string& key) const {
  const json& value = at(key);
  if (!value.is_number()) fail(key, "a number");
  return value.get<double>();
}

std::string Stored::text(const std::string& key) const {
  const json& value = at(key);
  if (!value.is_string()) fail(key, "a text");
  return value.get<std::string>();
}

uint64_t Stored::seed(const std::string& key) const {
  const std::string digits = text(key);
  uint64_t seed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (error != std::errc() || end != digits.data() + digits.size()) fail(key, "a 64-bit number as a text");
  return seed;
}

const json& Stored::array(const std::string& key) const {
  const json& value = at(key);
  if (!value.is_array()) fail(key, "an array");
  return value;
}

}  // namespace murmur
