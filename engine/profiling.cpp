#include "murmur/engine/profiling.hpp"

#include "murmur/engine/cuda/profiling.hpp"
#include "murmur/engine/device.hpp"

namespace murmur {

ProfileRange::ProfileRange([[maybe_unused]] const char* name) {
  if constexpr (kCudaBuild) cuda::push_range(name);
}

ProfileRange::~ProfileRange() {
  if constexpr (kCudaBuild) cuda::pop_range();
}

}  // namespace murmur
