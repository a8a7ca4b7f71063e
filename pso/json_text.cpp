#include "murmur/pso/json_text.hpp"

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using nlohmann::json;

/// Whether the brackets of a text are nested deeper than allowed, before anything is made of it: a value that is has to
/// be destroyed, too.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

json parse_json(std::string_view text) {
  if (is_too_deep(text)) {
    throw InvalidArgument("expected JSON nested at most {} deep, got a text of {} bytes that is nested deeper",
                          kMaxJsonDepth, text.size());
  }
  return json::parse(text);
}

json try_parse_json(std::string_view text) {
  if (is_too_deep(text)) return json(json::value_t::discarded);
  return json::parse(text, nullptr, false);
}

}  // namespace murmur
