#pragma once

#include <string_view>

// What app/report/page builds, as it is in the program.
namespace murmur::app {

/// The page, with a place for the data.
std::string_view page_template();

/// The script that draws one chart without a browser.
std::string_view chart_script();

}  // namespace murmur::app
