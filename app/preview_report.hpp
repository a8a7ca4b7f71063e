#pragma once

#include <nlohmann/json.hpp>

#include "murmur/preview/sheet.hpp"

namespace murmur::app {

/// The numbers behind a sheet: "width", "height", "scale"; "columns", each with its "setting" and the place, class and
/// distribution of each sample; "panels", each with the distributions "before" and "after" and their bins.
nlohmann::json sheet_json(const SheetContents& contents, const Sheet& sheet);

}  // namespace murmur::app
