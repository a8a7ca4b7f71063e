// The functions of cuDNN that are used, each of which loads the library when it is first called (see
// cublas_loaded.cpp).

#include "murmur/engine/cuda/loaded_library.hpp"
#include "murmur/engine/error.hpp"

#include <fmt/format.h>

#include <cudnn_graph.h>

namespace {

const murmur::cuda::LoadedLibrary<murmur::CudnnError>& cudnn() {
  static const murmur::cuda::LoadedLibrary<murmur::CudnnError> library("cuDNN",
                                                                       fmt::format("libcudnn.so.{}", CUDNN_MAJOR));
  return library;
}

}  // namespace

size_t cudnnGetVersion() {
  return MURMUR_CALL_LOADED(cudnn, cudnnGetVersion);
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  return MURMUR_CALL_LOADED(cudnn, cudnnGetErrorString, status);
}

void cudnnGetLastErrorString(char* message, size_t max_size) {
  MURMUR_CALL_LOADED(cudnn, cudnnGetLastErrorString, message, max_size);
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  return MURMUR_CALL_LOADED(cudnn, cudnnCreate, handle);
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return MURMUR_CALL_LOADED(cudnn, cudnnDestroy, handle);
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return MURMUR_CALL_LOADED(cudnn, cudnnSetStream, handle, stream);
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
  return MURMUR_CALL_LOADED(cudnn, cudnnBackendCreateDescriptor, type, descriptor);
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  return MURMUR_CALL_LOADED(cudnn, cudnnBackendDestroyDescriptor, descriptor);
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  return MURMUR_CALL_LOADED(cudnn, cudnnBackendFinalize, descriptor);
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void* elements) {
  return MURMUR_CALL_LOADED(cudnn, cudnnBackendSetAttribute, descriptor, name, type, count, elements);
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t requested, int64_t* count,
                                       void* elements) {
  return MURMUR_CALL_LOADED(cudnn, cudnnBackendGetAttribute, descriptor, name, type, requested, count, elements);
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  return MURMUR_CALL_LOADED(cudnn, cudnnBackendExecute, handle, plan, pack);
}
