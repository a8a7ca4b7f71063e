#include "murmur/engine/profiling.hpp"

#include <algorithm>

#include "murmur/engine/cuda/profiling.hpp"

namespace murmur {

ProfileRange::ProfileRange([[maybe_unused]] const char* name) {
  if constexpr (kCudaBuild) cuda::push_range(name);
}

ProfileRange::~ProfileRange() {
  if constexpr (kCudaBuild) cuda::pop_range();
}

int64_t ProfileWindow::begin(int64_t count) {
  if (!is_ahead()) return count;
  if (num_done_ < ticks_.first - 1) return std::min(count, ticks_.first - 1 - num_done_);
  if constexpr (kCudaBuild) {
    if (num_done_ == ticks_.first - 1 && device_.is_cuda()) cuda::start_profiler();
  }
  return std::min(count, ticks_.last - num_done_);
}

void ProfileWindow::end(int64_t count) {
  if constexpr (kCudaBuild) {
    if (is_ahead() && num_done_ + count >= ticks_.last && device_.is_cuda()) cuda::stop_profiler();
  }
  num_done_ += count;
}

}  // namespace murmur
