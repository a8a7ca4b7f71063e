#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

// Single charts, for papers: drawn by the page's own code, which another program runs.
namespace murmur::app {

inline constexpr std::array<std::string_view, 11> kCharts{"verdict",    "effects",    "history",      "curves",
                                                          "importance", "optimizers", "interactions", "parallel",
                                                          "scatter",    "swarm",      "aborts"};

/// An SVG. `data` is the report's; `options` as app/report/page/DATA.md has them. Runs node.
/// Throws: Error where there is no node; DataError where the data does not have what the chart shows.
std::string chart_svg(const std::string& data, std::string_view chart, const nlohmann::json& options);

/// The same picture as PNG. Runs rsvg-convert. Throws: Error.
std::string png_of(const std::string& svg);

}  // namespace murmur::app
