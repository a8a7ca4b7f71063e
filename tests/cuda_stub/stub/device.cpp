// The device: an H100, of which there are MURMUR_STUB_DEVICES (1).
#include <cuda_profiler_api.h>

#include <cstdlib>
#include <cstring>

#include "device.hpp"
#include "stub.hpp"

namespace murmur::stub {
namespace {

thread_local int current = 0;

int64_t number_of(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoll(text);
}

}  // namespace

int current_device() {
  return current;
}

int num_devices() {
  return static_cast<int>(number_of("MURMUR_STUB_DEVICES", 1));
}

int64_t device_bytes() {
  return number_of("MURMUR_STUB_MEMORY", int64_t{80} << 30);
}

}  // namespace murmur::stub

using namespace murmur::stub;

extern "C" {

cudaError_t cudaGetDeviceCount(int* number) {
  STUB_LOCK;
  *number = num_devices();
  return *number > 0 ? cudaSuccess : report(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device) {
  STUB_LOCK;
  count("cudaSetDevice");
  if (device < 0 || device >= num_devices()) return report(cudaErrorInvalidDevice);
  current = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  STUB_LOCK;
  if (device < 0 || device >= num_devices()) return report(cudaErrorInvalidDevice);
  std::memset(properties, 0, sizeof(*properties));
  std::strcpy(properties->name, "stub of an H100");
  properties->major = 9;
  properties->minor = 0;
  properties->multiProcessorCount = 132;
  properties->totalGlobalMem = static_cast<size_t>(device_bytes());
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerMultiprocessor = 228 << 10;
  properties->regsPerBlock = 65536;
  properties->regsPerMultiprocessor = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->l2CacheSize = 50 << 20;
  properties->concurrentKernels = 1;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  STUB_LOCK;
  count("cudaDeviceSynchronize");
  count("synchronisations");
  if (const cudaError_t status = check_no_capture("cudaDeviceSynchronize"); status != cudaSuccess) {
    return report(status);
  }
  flush_all();
  if (must_fail("synchronize")) fail_queued_work(cudaErrorLaunchFailure);
  return report(queued_failure());
}

cudaError_t cudaProfilerStart() {
  STUB_LOCK;
  count("cudaProfilerStart");
  return cudaSuccess;
}

cudaError_t cudaProfilerStop() {
  STUB_LOCK;
  count("cudaProfilerStop");
  return cudaSuccess;
}
}
