#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bench/statistics/battery.hpp"

namespace murmur::bench {

/// A line a subject: its tests, and the one with the least p. With `all` a line a test.
std::string text_table(const Report& report, bool all);

/// How many tests there were, and whether they pass as a family.
std::string verdict_text(const Report& report);

/// The tables of docs/statistics.md.
std::string markdown_tables(const Report& report);

nlohmann::json report_json(const Report& report);

/// `page` with what is between its lines "<!-- NAME -->" and "<!-- end of NAME -->" replaced.
/// Throws: InvalidArgument where a line is missing.
std::string with_section(std::string_view page, std::string_view name, std::string_view section);

}  // namespace murmur::bench
