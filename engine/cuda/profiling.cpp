#include "murmur/engine/cuda/profiling.hpp"

#include <nvtx3/nvToolsExt.h>

namespace murmur::cuda {

void push_range(const char* name) {
  nvtxRangePushA(name);
}

void pop_range() {
  nvtxRangePop();
}

}  // namespace murmur::cuda
