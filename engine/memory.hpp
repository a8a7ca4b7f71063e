#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "murmur/engine/device.hpp"

namespace murmur {

/// Zeroed memory on a device, aligned to 256 bytes. Throws: DeviceUnavailable, CudaError, std::bad_alloc.
std::shared_ptr<void> allocate(Device device, int64_t num_bytes);

/// Host memory that copies of a stream of this device can be queued from and to. Throws: CudaError, std::bad_alloc.
std::shared_ptr<void> allocate_pinned(Device device, int64_t num_bytes);

/// An array of such memory. T is what bytes can stand for; all are T() at first.
template <class T>
class PinnedArray {
 public:
  PinnedArray(Device device, int64_t size)
      : memory_(allocate_pinned(device, size * static_cast<int64_t>(sizeof(T)))),
        values_(static_cast<T*>(memory_.get()), static_cast<size_t>(size)) {
    std::ranges::fill(values_, T());
  }

  T* data() const { return values_.data(); }
  size_t size() const { return values_.size(); }
  int64_t num_bytes() const { return static_cast<int64_t>(values_.size_bytes()); }
  T& operator[](size_t i) const { return values_[i]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::shared_ptr<void> memory_;
  std::span<T> values_;
};

/// Bytes that can be allocated: what is free on a GPU; on the CPU what the system says is available, or what is left
/// below the limit of this process's control groups. Throws: DeviceUnavailable, CudaError.
int64_t free_bytes(Device device);

/// Bytes that allocate() has handed out, on all devices together, and that are still in use.
int64_t allocated_bytes();

/// Copies between host and device that this process has made, in either direction: what tests count.
int64_t num_host_copies();
/// Counts one; for streams, which queue theirs.
void count_host_copy();

/// Rows of `row_bytes` between host and device; waits until it is done. Strides in bytes.
void copy_to_host(Device device, void* target, const void* source, int64_t row_bytes, int64_t source_stride,
                  int64_t num_rows);
void copy_from_host(Device device, void* target, const void* source, int64_t row_bytes, int64_t target_stride,
                    int64_t num_rows);

}  // namespace murmur
