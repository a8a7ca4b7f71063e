#pragma once

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

}  // namespace murmur
