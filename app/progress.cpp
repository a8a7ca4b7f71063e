#include "app/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace murmur::app {

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& line, bool final) {
  if (quiet_) return;
  const auto now = Clock::now();
  if (terminal_) {
    fmt::print(stderr, "\r{:<{}}{}", line, last_width_, final ? "\n" : "");
    last_width_ = line.size();
  } else if (final || now - last_shown_ > std::chrono::seconds(10)) {
    fmt::print(stderr, "{}\n", line);
  } else {
    return;
  }
  last_shown_ = now;
  std::fflush(stderr);
}

double Progress::elapsed_seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

std::string format_duration(double seconds) {
  const long whole = std::lround(seconds);
  if (whole >= 3600) return fmt::format("{}h {:02}m", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

}  // namespace murmur::app
