#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "murmur/engine/device.hpp"

// Figures in the form of nvbench's JSON files, version 1.0.0, so that its comparison script reads two of them.
namespace murmur::bench {

/// One line of a comparison: a benchmark, where in its axes, and the seconds of each of its runs (at least one).
struct NvbenchState {
  std::string benchmark;
  std::vector<std::pair<std::string, std::string>> axes;
  std::vector<double> seconds;
};

/// Benchmarks and axis values in the order in which they first appear. All axes are words to nvbench. The noise that
/// its script compares a difference with is the standard deviation over the mean; of a single run it is unknown.
nlohmann::ordered_json nvbench_json(Device device, std::span<const NvbenchState> states,
                                    std::span<char* const> arguments);

}  // namespace murmur::bench
