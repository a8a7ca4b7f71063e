#include "murmur/engine/cuda/profiling.hpp"

#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

#include "murmur/engine/cuda/check.hpp"

namespace murmur::cuda {

void push_range(const char* name) {
  nvtxRangePushA(name);
}

void pop_range() {
  nvtxRangePop();
}

void start_profiler() {
  check(cudaProfilerStart(), "cudaProfilerStart");
}

void stop_profiler() {
  check(cudaProfilerStop(), "cudaProfilerStop");
}

}  // namespace murmur::cuda
