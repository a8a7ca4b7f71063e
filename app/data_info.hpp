#pragma once

#include <nlohmann/json.hpp>

#include "murmur/data/dataset.hpp"

namespace murmur::app {

/// What `murmur data info` says of a data set, as a table for people and for machines: "name", "directory", "classes",
/// "class_names", "height", "width", "channels", "train", "validation" and "test" (each "images" and "per_class"),
/// "mean" and "deviation" (a channel each), "checksum", "contents", "published" (true: the published images, false:
/// others, null: nobody knows), "passed_over", "skipped".
void print_info(const Dataset& dataset);
nlohmann::json info_json(const Dataset& dataset);

}  // namespace murmur::app
