#pragma once

#include <exception>

namespace murmur::app {

/// What a training is left with at a second signal.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped"; }
};

/// While it lives SIGINT, SIGTERM and SIGHUP (where it is not ignored, as under nohup) do not end the program. The
/// first is acknowledged on standard error and remembered, so that what runs can end in order, after the epoch; a
/// second ends the epoch at its next ticks; a third the program. After it they do, but where one has been remembered:
/// the program is ending then.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// From now on the first signal is like a second one.
  static void be_urgent();

  /// The last signal that came, 0: none.
  static int seen();

  /// For what the first signal's message says: when the running epoch will have ended.
  static void expect_end_in(double seconds);

  /// Throws: Stopped after a second signal.
  static void stop_at_second();
};

}  // namespace murmur::app
