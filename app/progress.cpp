#include "app/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "app/signals.hpp"
#include "app/terminal.hpp"

namespace murmur::app {
namespace {

constexpr std::string_view kBetween = "  ";
constexpr const char* kReset = "\033[0m";

Progress* living = nullptr;

const char* code(Colour colour) {
  switch (colour) {
    case Colour::kGreen:
      return "\033[32m";
    case Colour::kYellow:
      return "\033[33m";
    case Colour::kFaint:
      return "\033[2m";
    case Colour::kNone:
      break;
  }
  return "";
}

size_t columns_of(const Line& line) {
  size_t columns = line.empty() ? 0 : (line.size() - 1) * kBetween.size();
  for (const Piece& piece : line) columns += num_columns(piece.text);
  return columns;
}

/// The first characters.
std::string shortened(const std::string& text, size_t columns) {
  size_t end = 0;
  for (size_t count = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0u) != 0x80u;
    if (begins && ++count > columns) break;
  }
  return text.substr(0, end);
}

/// What the signals' message says, from how fast the last ticks were.
void expect_end(const TickProgress& ticks) {
  using Clock = std::chrono::steady_clock;
  static Clock::time_point last;
  static int64_t last_done = 0;
  const auto now = Clock::now();
  if (ticks.num_done > last_done && last != Clock::time_point()) {
    const double seconds = std::chrono::duration<double>(now - last).count();
    SignalWatch::expect_end_in(seconds / static_cast<double>(ticks.num_done - last_done) *
                               static_cast<double>(ticks.num_all - ticks.num_done));
  }
  last = now;
  last_done = ticks.num_done;
}

}  // namespace

std::string fit(Line line, size_t width, bool with_colours) {
  std::erase_if(line, [](const Piece& piece) { return piece.text.empty(); });
  while (columns_of(line) > width) {
    const auto least = std::ranges::max_element(line, {}, &Piece::rank);
    if (least == line.end() || least->rank == 0) break;
    line.erase(least);
  }
  const bool has_room = columns_of(line) <= width;
  std::string text;
  for (const Piece& piece : line) {
    if (!text.empty()) text += kBetween;
    const bool is_coloured = with_colours && has_room && piece.colour != Colour::kNone;
    text += is_coloured ? code(piece.colour) + piece.text + kReset : piece.text;
  }
  return has_room ? text : shortened(text, width);
}

Progress::Progress(bool quiet, Describe describe)
    : quiet_(quiet),
      is_terminal_(isatty(STDERR_FILENO) == 1),
      has_colours_(takes_colours(STDERR_FILENO)),
      describe_(std::move(describe)) {
  living = this;
}

Progress::~Progress() {
  living = nullptr;
  clear();
}

void Progress::clear() {
  if (last_width_ == 0) return;
  std::fprintf(stderr, "\r%*s\r", static_cast<int>(last_width_), "");
  std::fflush(stderr);
  last_width_ = 0;
}

void Progress::on_ticks(const TickProgress& ticks) {
  SignalWatch::stop_at_second();
  expect_end(ticks);
  if (living == nullptr || ticks.num_done == ticks.num_all) return;
  living->draw(static_cast<double>(ticks.num_done) / static_cast<double>(ticks.num_all), false);
}

void Progress::update(bool final) {
  draw(0, final);
}

void Progress::show(const std::string& line, bool final) {
  describe_ = [line](double share) {
    return Line{{line}, {share > 0 ? fmt::format("({:.0f} % of an epoch)", 100 * share) : "", 1}};
  };
  draw(0, final);
}

void Progress::draw(double share, bool final) {
  if (quiet_ || !describe_) return;
  const auto now = Clock::now();
  const auto least = is_terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  if (!final && now - last_shown_ < least) return;
  const Line line = describe_(share);
  if (is_terminal_) {
    // A terminal's last column is left free: a character there makes some of them begin a new line.
    const size_t width = terminal_width(STDERR_FILENO) - 1;
    const std::string text = fit(line, width, has_colours_);
    const size_t columns = num_columns(fit(line, width, false));
    const size_t rest = std::min(last_width_, width);
    fmt::print(stderr, "\r{}{}{}", text, std::string(rest > columns ? rest - columns : 0, ' '), final ? "\n" : "");
    last_width_ = final ? 0 : columns;
  } else {
    fmt::print(stderr, "{}\n", fit(line, std::string::npos, false));
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

std::string eta(double seconds, double done, double all) {
  return "ETA " + (done > 0 ? format_duration(seconds / done * std::max(0.0, all - done)) : "-");
}

}  // namespace murmur::app
