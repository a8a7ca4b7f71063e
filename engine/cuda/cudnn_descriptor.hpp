#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace murmur::cuda {

/// Throws CudnnError, with what cuDNN says of it, unless the call succeeded.
void check(cudnnStatus_t status, const char* operation);

constexpr cudnnBackendAttributeType_t type_of(int64_t) {
  return CUDNN_TYPE_INT64;
}
constexpr cudnnBackendAttributeType_t type_of(float) {
  return CUDNN_TYPE_FLOAT;
}
constexpr cudnnBackendAttributeType_t type_of(void*) {
  return CUDNN_TYPE_VOID_PTR;
}
constexpr cudnnBackendAttributeType_t type_of(cudnnHandle_t) {
  return CUDNN_TYPE_HANDLE;
}
constexpr cudnnBackendAttributeType_t type_of(cudnnDataType_t) {
  return CUDNN_TYPE_DATA_TYPE;
}
constexpr cudnnBackendAttributeType_t type_of(cudnnConvolutionMode_t) {
  return CUDNN_TYPE_CONVOLUTION_MODE;
}
constexpr cudnnBackendAttributeType_t type_of(cudnnBackendHeurMode_t) {
  return CUDNN_TYPE_HEUR_MODE;
}

/// Everything of the graph API is a descriptor, with attributes that are set before it is finalized.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check(cudnnBackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
  }
  ~Descriptor() {
    if (descriptor_ != nullptr) cudnnBackendDestroyDescriptor(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t attribute, const std::vector<T>& values) {
    return set(attribute, type_of(T{}), static_cast<int64_t>(values.size()), values.data());
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t attribute, T value) {
    return set(attribute, type_of(value), 1, &value);
  }
  Descriptor& set(cudnnBackendAttributeName_t attribute, const Descriptor& value) {
    return set(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.descriptor_);
  }
  Descriptor finalized() && {
    check(cudnnBackendFinalize(descriptor_), "cudnnBackendFinalize");
    return std::move(*this);
  }

  /// Up to `count` values of an attribute; returns how many there are.
  int64_t get(cudnnBackendAttributeName_t attribute, cudnnBackendAttributeType_t type, int64_t count,
              void* values) const {
    int64_t num_values = 0;
    check(cudnnBackendGetAttribute(descriptor_, attribute, type, count, &num_values, values),
          "cudnnBackendGetAttribute");
    return num_values;
  }

 private:
  Descriptor& set(cudnnBackendAttributeName_t attribute, cudnnBackendAttributeType_t type, int64_t count,
                  const void* values) {
    check(cudnnBackendSetAttribute(descriptor_, attribute, type, count, values), "cudnnBackendSetAttribute");
    return *this;
  }

  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace murmur::cuda
