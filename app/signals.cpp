#include "app/signals.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>

namespace murmur::app {
namespace {

volatile std::sig_atomic_t signal_seen = 0;
volatile std::sig_atomic_t num_signals = 0;

volatile std::sig_atomic_t is_urgent = 0;

constexpr int kWatched[] = {SIGINT, SIGTERM, SIGHUP};

// When the epoch ends, in seconds of the steady clock; 0: nobody knows. A handler may read it.
std::atomic<int64_t> end_of_epoch{0};
static_assert(std::atomic<int64_t>::is_always_lock_free);

int64_t now_in_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A text made of what a signal's handler may call.
class Message {
 public:
  void add(const char* text) {
    while (*text != '\0' && length_ < sizeof(text_)) text_[length_++] = *text++;
  }
  void add(int64_t number) {
    if (number >= 10) add(number / 10);
    const char digit[2] = {static_cast<char>('0' + number % 10), '\0'};
    add(digit);
  }
  void write() const {
    const int error = errno;
    [[maybe_unused]] const ssize_t count = ::write(STDERR_FILENO, text_, length_);
    errno = error;
  }

 private:
  char text_[128] = {};
  size_t length_ = 0;
};

extern "C" void on_signal(int number) {
  signal_seen = number;
  Message message;
  if (num_signals == 0 && is_urgent == 0) {
    num_signals = 1;
    message.add("\nmurmur: finishing this epoch");
    const int64_t end = end_of_epoch.load();
    const int64_t left = end - now_in_seconds();
    if (end > 0) {
      message.add(", about ");
      message.add(left > 1 ? left : 1);
      message.add(" s");
    }
    message.add("; again to stop now\n");
  } else {
    num_signals = 2;
    message.add(is_urgent == 0 ? "\nmurmur: stopping\n"
                               : "\nmurmur: the job ends; no trial told is lost, and the same command goes on\n");
    std::signal(number, SIG_DFL);
  }
  message.write();
}

}  // namespace

SignalWatch::SignalWatch() {
  for (const int number : kWatched) {
    if (std::signal(number, on_signal) == SIG_IGN && number == SIGHUP) std::signal(number, SIG_IGN);
  }
}

SignalWatch::~SignalWatch() {
  // A second signal may come just too late, when the program is about to say how far it came.
  void (*const after)(int) = num_signals == 1 ? SIG_IGN : SIG_DFL;
  for (const int number : kWatched) {
    if (std::signal(number, after) == SIG_IGN && number == SIGHUP) std::signal(number, SIG_IGN);
  }
}

void SignalWatch::be_urgent() {
  is_urgent = 1;
}

int SignalWatch::seen() {
  return signal_seen;
}

void SignalWatch::expect_end_in(double seconds) {
  end_of_epoch = now_in_seconds() + std::llround(std::clamp(seconds, 0.0, 1e9));
}

void SignalWatch::stop_at_second() {
  if (num_signals > 1) throw Stopped();
}

}  // namespace murmur::app
