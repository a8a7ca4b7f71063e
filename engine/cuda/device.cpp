#include "murmur/engine/cuda/device.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "murmur/engine/cuda/check.hpp"

namespace murmur::cuda {

int num_devices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();  // "no device" is an answer, not a failure of what runs next
    return 0;
  }
  return count;
}

std::string why_no_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaGetLastError();
  return status == cudaSuccess ? "" : fmt::format(" ({})", cudaGetErrorString(status));
}

std::string describe_device(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.1f} GiB, driver for CUDA {}.{}",
                     properties.name, properties.major, properties.minor, properties.multiProcessorCount,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30), driver / 1000, driver % 1000 / 10);
}

int compute_capability(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return 10 * properties.major + properties.minor;
}

std::string toolkit_version() {
  int version = 0;
  check(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
  return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace murmur::cuda
