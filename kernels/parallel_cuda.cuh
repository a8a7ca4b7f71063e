#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/cuda/native_stream.hpp"
#include "murmur/kernels/lanes_cuda.hpp"

namespace murmur::cuda {

template <class Kernel>
constexpr bool kInDouble = false;
template <template <class> class Kernel>
constexpr bool kInDouble<Kernel<double>> = true;
template <template <class, class> class Kernel, class Normals>
constexpr bool kInDouble<Kernel<double, Normals>> = true;

/// Blocks of a kernel that an SM is to hold at once. Without a bound the compiler takes registers until one block fills
/// an SM, and nothing hides the latency of its loads. 1,024 threads have 64 registers each; a kernel that would spill
/// says fewer (`kResidentThreads`). In double, which is for checks, one block is enough.
template <class Kernel>
constexpr int min_blocks() {
  if constexpr (requires { Kernel::kResidentThreads; }) {
    return Kernel::kResidentThreads / Kernel::kWidth;
  } else if constexpr (kInDouble<Kernel>) {
    return 1;
  } else {
    return 1024 / (Kernel::kWidth < 64 ? 64 : Kernel::kWidth);  // an SM of compute capability 7.5 has 16 blocks at most
  }
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kWidth, min_blocks<Kernel>())
    run_kernel(const Kernel kernel, int64_t num_networks) {
#if __CUDA_ARCH__ >= 900
  // Where launches overlap: what is in front has ended and is seen by all, and what comes next may begin to launch.
  cudaGridDependencySynchronize();
  cudaTriggerProgrammaticLaunchCompletion();
#endif
  const Lanes<Kernel::kWidth> lanes;
  for (int64_t network = blockIdx.y; network < num_networks; network += gridDim.y) {
    kernel(lanes, network, static_cast<int64_t>(blockIdx.x));
  }
}

/// Whether the code that a device of this compute capability (90: 9.0) runs waits for the launch in front of it: that
/// of the newest architecture that it was compiled for and that is no newer than the device.
constexpr bool waits_for_launches(int capability) {
  int newest = 0;
  for (const int architecture : {__CUDA_ARCH_LIST__}) {
    if (architecture <= 10 * capability && architecture > newest) newest = architecture;
  }
  return newest >= 900;
}

/// Runs kernel(lanes, network, tile) for every network and tile: one block each.
template <class Kernel>
void launch(murmur::Stream& stream, const char* name, int64_t num_networks, int64_t num_tiles, const Kernel& kernel) {
  constexpr int64_t kMaxGridY = 65535;
  const dim3 grid(static_cast<unsigned>(num_tiles),
                  static_cast<unsigned>(num_networks < kMaxGridY ? num_networks : kMaxGridY));
  const NativeStream& native = static_cast<NativeStream&>(stream);
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(Kernel::kWidth);
  config.stream = native.handle();
  config.attrs = &overlap;
  config.numAttrs = waits_for_launches(native.overlap_capability()) ? 1 : 0;
  check(cudaLaunchKernelEx(&config, run_kernel<Kernel>, kernel, num_networks), name);
}

}  // namespace murmur::cuda
