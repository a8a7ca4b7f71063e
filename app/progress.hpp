#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/layers/population_trainer.hpp"

namespace murmur::app {

enum class Colour : uint8_t { kNone, kGreen, kYellow, kFaint };

/// A part of a line. Where not all have room, those of the highest rank give way first; one of rank 0 stays.
struct Piece {
  std::string text;
  int rank = 0;
  Colour colour = Colour::kNone;
};
using Line = std::vector<Piece>;

/// The pieces that have room in so many columns, two spaces between them, with ANSI colours or without.
std::string fit(Line line, size_t width, bool with_colours);

/// A line on standard error that is rewritten on a terminal, within its width; elsewhere plain lines, at most one every
/// ten seconds. While it lives it is told of the trainers' ticks and moves within epochs. One at a time.
class Progress {
 public:
  /// What the line says when so much of the running epoch is done, from 0 to 1.
  using Describe = std::function<Line(double share_of_epoch)>;

  explicit Progress(bool quiet, Describe describe = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// An epoch has ended. `final` lines are always shown and end the line.
  void update(bool final = false);
  /// The same with a line of its own, which within epochs is shown with their share.
  void show(const std::string& line, bool final = false);
  /// What is printed next has the line for itself, if it had not ended.
  void clear();
  double elapsed_seconds() const;

  /// For TrainerOptions: tells the progress that lives, if one does. Throws: Stopped at a second signal.
  static void on_ticks(const TickProgress& ticks);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(double share, bool final);

  bool quiet_;
  bool is_terminal_;
  bool has_colours_;
  Describe describe_;
  size_t last_width_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_shown_;
};

/// "1m 05s"
std::string format_duration(double seconds);

/// "ETA 1m 05s": what is left where `done` of `all` took so long; "ETA -" where nothing is done.
std::string eta(double seconds, double done, double all);

}  // namespace murmur::app
