#pragma once

#include <nlohmann/json.hpp>

#include "murmur/pso/final_test.hpp"

namespace murmur::app {

/// A table on standard output.
void print_final_test(const FinalTest& test, const Study& study);

nlohmann::json to_json(const FinalTest& test, const Study& study);

}  // namespace murmur::app
