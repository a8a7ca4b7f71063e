// cuDNN's backend API: descriptors are bags of attributes; heuristics offer four engines, of which one is not
// deterministic and one uses tensor cores.
#include <cudnn_graph.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>

#include "stub.hpp"

using namespace murmur::stub;

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace {

constexpr int64_t kNumEngines = 4;
constexpr int64_t kWorkspaceBytes = 1000;

struct Descriptor {
  cudnnBackendDescriptorType_t type;
  bool is_finalized = false;
  int64_t engine = 0;  // of what belongs to one
  std::map<int, std::vector<std::byte>> attributes{};

  template <class T>
  std::vector<T> values(cudnnBackendAttributeName_t name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return {};
    std::vector<T> result(found->second.size() / sizeof(T));
    std::memcpy(result.data(), found->second.data(), result.size() * sizeof(T));
    return result;
  }
};

Descriptor& descriptor_of(cudnnBackendDescriptor_t handle) {
  return *static_cast<Descriptor*>(handle);
}

size_t size_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    default:
      return 4;
  }
}

std::string& last_error() {
  static auto* const text = new std::string;
  return *text;
}

cudnnStatus_t fail(cudnnStatus_t status, const std::string& text) {
  last_error() = text;
  return status;
}

/// Fills the descriptors that the caller has made for what belongs to one.
cudnnStatus_t give(const std::vector<int64_t>& engines, int64_t requested, int64_t* number, void* values) {
  if (number != nullptr) *number = static_cast<int64_t>(engines.size());
  for (size_t i = 0; values != nullptr && i < engines.size() && static_cast<int64_t>(i) < requested; ++i) {
    Descriptor& target = descriptor_of(static_cast<cudnnBackendDescriptor_t*>(values)[i]);
    target.engine = engines[i];
    target.is_finalized = true;
  }
  return CUDNN_STATUS_SUCCESS;
}

template <class T>
cudnnStatus_t give_values(const std::vector<T>& from, int64_t requested, int64_t* number, void* values) {
  if (number != nullptr) *number = static_cast<int64_t>(from.size());
  const size_t given = std::min(from.size(), static_cast<size_t>(requested));
  if (values != nullptr && given > 0) std::memcpy(values, from.data(), given * sizeof(T));
  return CUDNN_STATUS_SUCCESS;
}

std::vector<cudnnBackendNumericalNote_t> notes(int64_t engine) {
  if (engine == 2) return {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC};
  if (engine == 3) return {CUDNN_NUMERICAL_NOTE_TENSOR_CORE};
  return {};
}

cudnnStatus_t finalize_plan(Descriptor& plan) {
  count("plans");
  if (any_capture()) count("plans made in a capture");
  if (must_fail("plan")) return fail(CUDNN_STATUS_NOT_SUPPORTED, "this plan is made to fail");
  const auto configurations = plan.values<cudnnBackendDescriptor_t>(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (configurations.empty()) return fail(CUDNN_STATUS_BAD_PARAM, "expected an engine's configuration, got none");
  plan.engine = descriptor_of(configurations.front()).engine;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() {
  return CUDNN_VERSION;
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  STUB_LOCK;
  count("cudnnCreate");
  if (any_capture()) count("handles made in a capture");
  if (must_fail("cudnn_create")) return fail(CUDNN_STATUS_NOT_INITIALIZED, "a sublibrary is missing");
  *handle = new cudnnContext;
  count("live cuDNN handles");
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  STUB_LOCK;
  delete handle;
  count("live cuDNN handles", -1);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  STUB_LOCK;
  if (any_capture()) count("cuDNN handles that change their stream in a capture");
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS           ? "CUDNN_STATUS_SUCCESS"
         : status == CUDNN_STATUS_NOT_INITIALIZED ? "CUDNN_STATUS_NOT_INITIALIZED"
         : status == CUDNN_STATUS_NOT_SUPPORTED   ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status == CUDNN_STATUS_BAD_PARAM       ? "CUDNN_STATUS_BAD_PARAM"
                                                  : "CUDNN_STATUS_EXECUTION_FAILED";
}

void cudnnGetLastErrorString(char* text, size_t size) {
  STUB_LOCK;
  std::strncpy(text, last_error().c_str(), size);
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
  STUB_LOCK;
  *descriptor = new Descriptor{type};
  count("live cuDNN descriptors");
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  STUB_LOCK;
  delete static_cast<Descriptor*>(descriptor);
  count("live cuDNN descriptors", -1);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t handle, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t number, const void* values) {
  STUB_LOCK;
  Descriptor& descriptor = descriptor_of(handle);
  if (descriptor.is_finalized) return fail(CUDNN_STATUS_BAD_PARAM, "expected a descriptor that is not final");
  const auto* begin = static_cast<const std::byte*>(values);
  descriptor.attributes[name].assign(begin, begin + static_cast<size_t>(number) * size_of(type));
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t handle) {
  STUB_LOCK;
  Descriptor& descriptor = descriptor_of(handle);
  if (descriptor.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    if (const cudnnStatus_t status = finalize_plan(descriptor); status != CUDNN_STATUS_SUCCESS) return status;
  }
  descriptor.is_finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t handle, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t requested, int64_t* number, void* values) {
  STUB_LOCK;
  const Descriptor& descriptor = descriptor_of(handle);
  if (!descriptor.is_finalized && descriptor.type != CUDNN_BACKEND_ENGINE_DESCRIPTOR) {
    return fail(CUDNN_STATUS_BAD_PARAM, "expected a final descriptor");
  }
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
      std::vector<int64_t> engines;
      for (int64_t engine = 0; engine < kNumEngines; ++engine) engines.push_back(engine);
      return give(engines, requested, number, values);
    }
    case CUDNN_ATTR_ENGINECFG_ENGINE:
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
      return give({descriptor.engine}, requested, number, values);
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
      return give_values<int64_t>({descriptor.engine}, requested, number, values);
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
      return give_values<cudnnBackendKnobType_t>({CUDNN_KNOB_TYPE_TILE_SIZE}, requested, number, values);
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
      return give_values<int64_t>({7 + descriptor.engine}, requested, number, values);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      return give_values(notes(descriptor.engine), requested, number, values);
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      return give_values<int64_t>({kWorkspaceBytes * (descriptor.engine + 1)}, requested, number, values);
    default:
      return fail(CUDNN_STATUS_NOT_SUPPORTED, "expected an attribute that the stub knows");
  }
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t variant_pack) {
  STUB_LOCK;
  count("convolution");
  if (must_fail("execute")) return fail(CUDNN_STATUS_EXECUTION_FAILED, "this call is made to fail");
  const Descriptor& pack = descriptor_of(variant_pack);
  std::vector<void*> pointers = pack.values<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  const auto workspace = pack.values<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  pointers.insert(pointers.end(), workspace.begin(), workspace.end());
  Work work{"convolution " + std::to_string(descriptor_of(plan).engine), {}};
  for (const void* pointer : pointers) {
    work.memory.push_back(allocation_of(pointer));
    if (work.memory.back() == 0)
      violate("cudnnBackendExecute: expected operands in device memory, got another address");
  }
  return report(submit(handle->stream, work)) == cudaSuccess ? CUDNN_STATUS_SUCCESS
                                                             : fail(CUDNN_STATUS_EXECUTION_FAILED, "not queued");
}
}
