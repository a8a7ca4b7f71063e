// Kernel launches as nvcc compiles them. A kernel does nothing but "Advance", which counts what a tick has trained, so
// that networks end their epochs with a finite loss: each has a hit rate that its seed says.
#include <cxxabi.h>

#include <cstdlib>
#include <map>

#include "murmur/kernels/step_args.hpp"
#include "stub.hpp"

// crt/host_runtime.h declares these, for nvcc alone.
struct CUkern_st {
  std::string name;
  bool is_loaded = false;
};

namespace murmur::stub {
namespace {

struct Configuration {
  dim3 grid, block;
  size_t shared_bytes;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> configurations;

std::map<const void*, CUkern_st>& kernels() {
  static auto* const instance = new std::map<const void*, CUkern_st>;
  return *instance;
}

/// "Advance" of _ZN6murmur4cuda10run_kernelINS0_..Advance..EEEvT_l: the template's argument without its namespaces.
std::string short_name(const char* mangled) {
  int status = 0;
  char* const demangled = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = status == 0 ? demangled : mangled;
  std::free(demangled);
  const size_t begin = name.find("run_kernel<");
  if (begin == std::string::npos) return name;
  name = name.substr(begin + 11);
  size_t depth = 0, end = 0;
  for (; end < name.size() && (depth > 0 || name[end] != '>'); ++end) {
    depth += name[end] == '<' ? 1 : 0;
    depth -= name[end] == '>' ? 1 : 0;
  }
  name.resize(end > 0 && name[end - 1] == ' ' ? end - 1 : end);
  const size_t argument = name.find('<');
  const size_t scope = name.rfind("::", argument);
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

void advance(const StepArgs& step) {
  for (int64_t network = 0; network < step.num_networks; ++network) {
    NetworkState& state = step.state[network];
    const int64_t rows = state.num_rows(step.micro_batch, step.epoch_size);
    const auto batch_size = static_cast<int64_t>(step.techniques.get(Technique::kBatchSize, network));
    if (state.completes_batch(step.micro_batch, step.epoch_size, batch_size)) {
      state.update += state.status == NetworkStatus::kRunning ? 1 : 0;
      state.batch_count = 0;
    } else {
      state.batch_count += rows;
    }
    state.position += rows;
    state.item += rows;
    state.num_samples += rows;
    state.loss_sum += 2.3 * static_cast<double>(rows);
    state.num_hits += rows * static_cast<int64_t>(state.seed % 8 + 1) / 10;
  }
}

Work work_of(const CUkern_st& kernel, void** arguments) {
  Work work{kernel.name, {}};
  if (kernel.name == "Advance") {
    const StepArgs step = *static_cast<const StepArgs*>(arguments[0]);
    work.memory = {allocation_of(step.state), allocation_of(step.techniques.values)};
    work.run = [step] { advance(step); };
  }
  return work;
}

}  // namespace
}  // namespace murmur::stub

using namespace murmur::stub;

extern "C" {

void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}

void __cudaRegisterFunction(void**, const char* function, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  STUB_LOCK;
  kernels()[function] = {short_name(name)};
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream) {
  configurations.push_back({grid, block, shared_bytes, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared_bytes, void* stream) {
  if (configurations.empty()) return cudaErrorMissingConfiguration;
  const Configuration& last = configurations.back();
  *grid = last.grid;
  *block = last.block;
  *shared_bytes = last.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = last.stream;
  configurations.pop_back();
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  STUB_LOCK;
  const auto found = kernels().find(function);
  if (found == kernels().end()) return report(cudaErrorInvalidDeviceFunction);
  *kernel = &found->second;
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t handle, dim3 grid, dim3 block, void** arguments, size_t,
                               cudaStream_t stream) {
  STUB_LOCK;
  count("kernel launches");
  CUkern_st& kernel = *handle;
  count("kernel " + kernel.name);
  if (!kernel.is_loaded && any_capture()) count("kernels loaded in a capture");
  kernel.is_loaded = true;
  if (must_fail("launch")) return report(cudaErrorLaunchOutOfResources);
  if (must_fail("kernel")) fail_queued_work(cudaErrorIllegalAddress);
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535 || threads == 0 || threads > 1024) {
    return report(cudaErrorInvalidConfiguration);
  }
  return report(submit(stream, work_of(kernel, arguments)));
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  STUB_LOCK;
  cudaKernel_t kernel = nullptr;
  if (const cudaError_t status = __cudaGetKernel(&kernel, function); status != cudaSuccess) return status;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    if (config->attrs[i].id != cudaLaunchAttributeProgrammaticStreamSerialization) return report(cudaErrorNotSupported);
    count("launches that overlap");
  }
  return __cudaLaunchKernel(kernel, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes,
                            config->stream);
}
}
