#include "engine/profiling.hpp"

#include "engine/cuda/profiling.hpp"
#include "engine/device.hpp"

namespace murmur {

ProfileRange::ProfileRange([[maybe_unused]] const char* name) {
  if constexpr (kCudaBuild) cuda::push_range(name);
}

ProfileRange::~ProfileRange() {
  if constexpr (kCudaBuild) cuda::pop_range();
}

}  // namespace murmur
