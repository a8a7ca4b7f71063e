#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// What a comparison of searchers found, as text, Markdown and JSON.
namespace murmur::bench {

/// One contestant on one problem with one budget.
struct Cell {
  std::string function, variant;
  int64_t dimensions;
  std::string budget;  // as it was given
  int64_t evaluations;
  std::string contestant;
  std::vector<double> results;  // one a seed; empty: left out
};

/// For each budget and number of dimensions a row a contestant: its median of each function and variant, the mean of
/// its ranks among the contestants, how often it came first; the best mean rank first. Of a problem all contestants
/// must have results, or it is left out.
std::string text_table(const std::vector<Cell>& cells);

/// The mean ranks alone: a row a contestant, a column a budget and number of dimensions.
std::string markdown_table(const std::vector<Cell>& cells);

nlohmann::json cells_json(const std::vector<Cell>& cells);

}  // namespace murmur::bench
