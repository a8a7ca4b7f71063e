#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/native_stream.hpp"
#include "murmur/kernels/lanes_cuda.hpp"

namespace murmur::cuda {

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kWidth, 1) run_kernel(const Kernel kernel, int64_t num_networks) {
  const Lanes<Kernel::kWidth> lanes;
  for (int64_t network = blockIdx.y; network < num_networks; network += gridDim.y) {
    kernel(lanes, network, static_cast<int64_t>(blockIdx.x));
  }
}

/// Runs kernel(lanes, network, tile) for every network and tile: one block each.
template <class Kernel>
void launch(murmur::Stream& stream, const char* name, int64_t num_networks, int64_t num_tiles, const Kernel& kernel) {
  constexpr int64_t kMaxGridY = 65535;
  const dim3 grid(static_cast<unsigned>(num_tiles),
                  static_cast<unsigned>(num_networks < kMaxGridY ? num_networks : kMaxGridY));
  run_kernel<<<grid, Kernel::kWidth, 0, static_cast<NativeStream&>(stream).handle()>>>(kernel, num_networks);
  check(cudaGetLastError(), name);  // every failure is reset where it is reported, so this one is the launch's own
}

}  // namespace murmur::cuda
