#pragma once

namespace murmur::app {

/// While it lives SIGINT and SIGTERM do not end the program but are remembered, so that what runs can end in order.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The last signal that came, 0: none.
  static int seen();
};

}  // namespace murmur::app
