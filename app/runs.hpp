#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/engine/device.hpp"
#include "murmur/pso/study.hpp"

// Which commands have worked on a study, when, and where: what a report says of its origin. No part of the study's
// identity: a search that goes on elsewhere, or with another version, stays the same search.
namespace murmur::app {

/// One entry of the study's attribute "runs".
struct RunRecord {
  std::string kind;     // "search", "analyse"
  std::string command;  // as a line for a shell
  std::string version, commit, device, device_description;
  std::string begin, end;   // "2026-01-31T12:34:56Z"; end is empty of one that is running, or was killed
  int64_t num_trials = 0;   // that a search was to end with; 0: as many as it takes
  int signal = 0;           // that stopped it
  bool is_running = false;  // as far as can be seen: only on the machine that it runs on
};

/// Those that the study has, in their order; what is none is left out.
std::vector<RunRecord> read_runs(const Study& study);

/// The entry of this process: begins where it is made, and ends with `end`; a kill leaves it without an end.
class RecordedRun {
 public:
  RecordedRun(Study& study, std::string_view kind, Device device, int64_t num_trials = 0);
  void end(int signal = 0);

 private:
  Study& study_;
  nlohmann::json entry_;
  size_t place_ = 0;
};

/// "2026-01-31T12:34:56Z"
std::string utc_text(std::chrono::system_clock::time_point time);

}  // namespace murmur::app
