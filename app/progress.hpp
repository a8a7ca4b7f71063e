#pragma once

#include <chrono>
#include <string>

namespace murmur::app {

/// A line that is rewritten on a terminal; elsewhere plain lines, at most one every ten seconds.
class Progress {
 public:
  explicit Progress(bool quiet);
  /// `final` lines are always shown and end the line.
  void show(const std::string& line, bool final = false);
  double elapsed_seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_;
  bool terminal_;
  size_t last_width_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_shown_;
};

/// "1m 05s"
std::string format_duration(double seconds);

}  // namespace murmur::app
