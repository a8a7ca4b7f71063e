#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace murmur {

/// A value nested no deeper than this can be copied, compared and written by functions that call themselves; nothing
/// that this program writes comes near.
inline constexpr int kMaxJsonDepth = 64;

/// The value of a text in JSON, from a file that others may have written.
/// Throws: nlohmann::json::exception where it is none; InvalidArgument where it is nested deeper than kMaxJsonDepth.
nlohmann::json parse_json(std::string_view text);

/// The same; a value that `is_discarded` where the text is none, or is nested too deep.
nlohmann::json try_parse_json(std::string_view text);

}  // namespace murmur
