#include "murmur/engine/cuda/memory.hpp"

#include <algorithm>
#include <cstddef>

#include "murmur/engine/cuda/check.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::cuda {
namespace {

/// Rows that follow each other are one; those that are farther apart than cudaMemcpy2D takes are copied one by one.
cudaError_t copy_rows(void* target, int64_t target_stride, const void* source, int64_t source_stride, int64_t row_bytes,
                      int64_t num_rows, cudaMemcpyKind kind) {
  constexpr int64_t kMaxPitch = (int64_t{1} << 31) - 1;  // cudaDevAttrMaxPitch, of every device
  if (num_rows == 1 || (target_stride == row_bytes && source_stride == row_bytes)) {
    return cudaMemcpy(target, source, static_cast<size_t>(row_bytes * num_rows), kind);
  }
  if (std::max(target_stride, source_stride) <= kMaxPitch) {
    return cudaMemcpy2D(target, static_cast<size_t>(target_stride), source, static_cast<size_t>(source_stride),
                        static_cast<size_t>(row_bytes), static_cast<size_t>(num_rows), kind);
  }
  for (int64_t row = 0; row < num_rows; ++row) {
    const cudaError_t status =
        cudaMemcpy(static_cast<std::byte*>(target) + row * target_stride,
                   static_cast<const std::byte*>(source) + row * source_stride, static_cast<size_t>(row_bytes), kind);
    if (status != cudaSuccess) return status;
  }
  return cudaSuccess;
}

}  // namespace

// Copies go through the legacy default stream, and our streams do not wait for it: every copy is bracketed by waits, so
// that host code never needs to know. They happen before and after a training; an epoch's own are queued on its stream.

std::shared_ptr<void> allocate(int device, int64_t num_bytes) {
  check(cudaSetDevice(device), "cudaSetDevice");
  void* memory = nullptr;
  const auto rounded = static_cast<size_t>(num_bytes > 0 ? num_bytes : 1);
  if (const cudaError_t status = cudaMalloc(&memory, rounded); status != cudaSuccess) {
    cudaGetLastError();  // it is reported here, and is no failure of what runs next
    if (status != cudaErrorMemoryAllocation) check(status, "cudaMalloc");
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo");
    throw OutOfGpuMemory("expected {} free bytes on cuda:{}, got {} of {}", rounded, device, free_bytes, total_bytes);
  }
  std::shared_ptr<void> owner(memory, [](void* pointer) { cudaFree(pointer); });
  check(cudaMemset(memory, 0, rounded), "cudaMemset");
  check(cudaStreamSynchronize(nullptr), "cudaMemset");
  return owner;
}

std::shared_ptr<void> allocate_pinned(int device, int64_t num_bytes) {
  check(cudaSetDevice(device), "cudaSetDevice");
  void* memory = nullptr;
  check(cudaHostAlloc(&memory, static_cast<size_t>(num_bytes > 0 ? num_bytes : 1), cudaHostAllocDefault),
        "cudaHostAlloc");
  return {memory, [](void* pointer) { cudaFreeHost(pointer); }};
}

int64_t free_bytes(int device) {
  check(cudaSetDevice(device), "cudaSetDevice");
  size_t free = 0;
  size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return static_cast<int64_t>(free);
}

void copy_to_host(int device, void* target, const void* source, int64_t row_bytes, int64_t source_stride,
                  int64_t num_rows) {
  check(cudaSetDevice(device), "cudaSetDevice");
  check(cudaDeviceSynchronize(), "copy to host");
  check(copy_rows(target, row_bytes, source, source_stride, row_bytes, num_rows, cudaMemcpyDeviceToHost),
        "copy to host");
}

void copy_from_host(int device, void* target, const void* source, int64_t row_bytes, int64_t target_stride,
                    int64_t num_rows) {
  check(cudaSetDevice(device), "cudaSetDevice");
  check(cudaDeviceSynchronize(), "copy from host");
  check(copy_rows(target, target_stride, source, row_bytes, row_bytes, num_rows, cudaMemcpyHostToDevice),
        "copy from host");
  check(cudaStreamSynchronize(nullptr), "copy from host");
}

}  // namespace murmur::cuda
