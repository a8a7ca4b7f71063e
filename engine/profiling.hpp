#pragma once

#include <cstdint>

#include "murmur/engine/device.hpp"

namespace murmur {

/// A named range in the profiler's timeline (NVTX) for the life of this object; nothing in builds without CUDA.
/// In a captured step the range marks the capture, not the replay: profile with `--no-graph`.
class ProfileRange {
 public:
  explicit ProfileRange(const char* name);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;
};

/// The ticks of a training, counted from 1 over all of its epochs, that a profiler shall look at; last = 0: none.
struct ProfileTicks {
  int64_t first = 0, last = 0;
};

/// Starts the profiler that is attached before the first of these ticks and stops it after the last one
/// (cudaProfilerStart and cudaProfilerStop: what nsys --capture-range=cudaProfilerApi and ncu --profile-from-start off
/// wait for). Does nothing else, and nothing at all on a CPU.
class ProfileWindow {
 public:
  ProfileWindow(ProfileTicks ticks, Device device) : ticks_(ticks), device_(device) {}

  bool is_ahead() const { return num_done_ < ticks_.last; }
  /// Before up to `count` ticks are launched: how many may be before the profiler has to be started or stopped.
  int64_t begin(int64_t count);
  /// When so many have been done, to their end.
  void end(int64_t count);

 private:
  ProfileTicks ticks_;
  Device device_;
  int64_t num_done_ = 0;
};

}  // namespace murmur
