#include "app/json_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "app/options.hpp"
#include "app/train_command.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/version.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

std::string& command_line() {
  static std::string line;
  return line;
}

/// Where standard output went before a report claimed it; -1: it has not.
int& report_descriptor() {
  static int descriptor = -1;
  return descriptor;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw Error("standard output: expected to write everything, got an error: {}", std::strerror(errno));
    }
    text.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

void remember_command(const std::vector<std::string>& words) {
  command_line() = "murmur";
  for (const std::string& word : words) command_line() += " " + shell_quoted(word);
}

Json report_head(std::string_view command, int format) {
  return {{"format", fmt::format("murmur-{}-{}", command, format)},
          {"version", version()},
          {"commit", commit()},
          {"command", command_line()}};
}

void reserve_report(const std::string& path) {
  if (path != "-") return require_writable("--json", path);
  if (report_descriptor() >= 0) return;
  std::fflush(stdout);
  report_descriptor() = dup(STDOUT_FILENO);
  if (report_descriptor() < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    throw Error("--json: expected a standard output, got none: {}", std::strerror(errno));
  }
}

void write_report(const std::string& path, const Json& report) {
  if (path.empty()) return;
  const std::string text = report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (path == "-") return write_all(report_descriptor(), text);
  write_file(path, text);
}

Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json accuracies_json(const std::vector<double>& accuracies) {
  Json array = Json::array();
  for (const double accuracy : accuracies) array.push_back(finite_or_null(accuracy));
  return array;
}

}  // namespace murmur::app
