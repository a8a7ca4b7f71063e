#include "murmur/engine/memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "murmur/engine/address_sanitizer.hpp"
#include "murmur/engine/cpu/memory.hpp"
#include "murmur/engine/cuda/memory.hpp"

namespace murmur {
namespace {

constexpr size_t kAlignment = 256;

std::atomic<int64_t> host_copies = 0;
std::atomic<int64_t> bytes_in_use = 0;

// Large ones are the system's pages: zeros that are there when they are touched, and gone when they are freed, where a
// heap would keep them. Not under a sanitizer, which sees where the heap's end.
constexpr size_t kMappedBytes = size_t{1} << 20;
#ifdef MURMUR_ADDRESS_SANITIZER
constexpr bool kMapsLarge = false;
#else
constexpr bool kMapsLarge = true;
#endif

std::shared_ptr<void> map_pages(size_t num_bytes) {
  void* const memory = ::mmap(nullptr, num_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {memory, [num_bytes](void* pointer) { ::munmap(pointer, num_bytes); }};
}

std::shared_ptr<void> allocate_host(int64_t num_bytes) {
  if (kMapsLarge && static_cast<size_t>(num_bytes) >= kMappedBytes) return map_pages(static_cast<size_t>(num_bytes));
  // Not rounded up, as aligned_alloc would have it: sanitizers see where it ends.
  const auto size = static_cast<size_t>(num_bytes);
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, std::max<size_t>(size, 1)) != 0) throw std::bad_alloc();
  std::memset(memory, 0, size);
  return {memory, [](void* pointer) { std::free(pointer); }};
}

}  // namespace

std::shared_ptr<void> allocate(Device device, int64_t num_bytes) {
  require_device(device);
  std::shared_ptr<void> memory;
  if (!device.is_cuda()) {
    memory = allocate_host(num_bytes);
  } else if constexpr (kCudaBuild) {
    memory = cuda::allocate(device.index, num_bytes);
  }
  bytes_in_use += num_bytes;
  void* const address = memory.get();
  return {address, [memory = std::move(memory), num_bytes](void* /*address*/) mutable {
            bytes_in_use -= num_bytes;
            memory.reset();
          }};
}

std::shared_ptr<void> allocate_pinned(Device device, int64_t num_bytes) {
  require_device(device);
  if (!device.is_cuda()) return allocate_host(num_bytes);
  if constexpr (kCudaBuild) {
    return cuda::allocate_pinned(device.index, num_bytes);
  }
  return nullptr;
}

int64_t free_bytes(Device device) {
  require_device(device);
  if (!device.is_cuda()) return cpu::free_bytes();
  if constexpr (kCudaBuild) return cuda::free_bytes(device.index);
  return 0;
}

int64_t allocated_bytes() {
  return bytes_in_use;
}

void count_host_copy() {
  ++host_copies;
}

int64_t num_host_copies() {
  return host_copies;
}

void copy_to_host(Device device, void* target, const void* source, int64_t row_bytes, int64_t source_stride,
                  int64_t num_rows) {
  if (row_bytes == 0 || num_rows == 0) return;
  ++host_copies;
  if (device.is_cuda()) {
    if constexpr (kCudaBuild) cuda::copy_to_host(device.index, target, source, row_bytes, source_stride, num_rows);
    return;
  }
  for (int64_t row = 0; row < num_rows; ++row) {
    std::memcpy(static_cast<std::byte*>(target) + row * row_bytes,
                static_cast<const std::byte*>(source) + row * source_stride, static_cast<size_t>(row_bytes));
  }
}

void copy_from_host(Device device, void* target, const void* source, int64_t row_bytes, int64_t target_stride,
                    int64_t num_rows) {
  if (row_bytes == 0 || num_rows == 0) return;
  ++host_copies;
  if (device.is_cuda()) {
    if constexpr (kCudaBuild) cuda::copy_from_host(device.index, target, source, row_bytes, target_stride, num_rows);
    return;
  }
  for (int64_t row = 0; row < num_rows; ++row) {
    std::memcpy(static_cast<std::byte*>(target) + row * target_stride,
                static_cast<const std::byte*>(source) + row * row_bytes, static_cast<size_t>(row_bytes));
  }
}

}  // namespace murmur
