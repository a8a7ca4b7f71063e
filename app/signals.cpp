#include "app/signals.hpp"

#include <csignal>

namespace murmur::app {
namespace {

volatile std::sig_atomic_t signal_seen = 0;

extern "C" void on_signal(int number) {
  signal_seen = number;
}

}  // namespace

SignalWatch::SignalWatch() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

SignalWatch::~SignalWatch() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

int SignalWatch::seen() {
  return signal_seen;
}

}  // namespace murmur::app
