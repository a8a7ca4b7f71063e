#include "murmur/layers/modules/word_reader.hpp"

#include <charconv>

#include "murmur/engine/error.hpp"

namespace murmur {

bool WordReader::take(std::string_view prefix) {
  if (!rest_.starts_with(prefix)) return false;
  rest_.remove_prefix(prefix.size());
  return true;
}

int64_t WordReader::number(const char* what, int64_t low, int64_t high) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
  if (!at_number() || error != std::errc() || value < low || value > high) {
    throw InvalidArgument("model: expected {} to {} {}, got '{}'", low, high, what, word_);
  }
  rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
  return value;
}

std::optional<int64_t> WordReader::option(std::string_view letter, const char* what, int64_t low, int64_t high) {
  if (!take(letter)) return std::nullopt;
  return number(what, low, high);
}

}  // namespace murmur
