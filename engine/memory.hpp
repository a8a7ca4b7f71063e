#pragma once

#include <cstdint>
#include <memory>

#include "murmur/engine/device.hpp"

namespace murmur {

/// Zeroed memory on a device, aligned to 256 bytes. Throws: DeviceUnavailable, CudaError, std::bad_alloc.
std::shared_ptr<void> allocate(Device device, int64_t num_bytes);

/// Copies between host and device that this process has made, in either direction: what tests count.
int64_t num_host_copies();

/// Rows of `row_bytes` between host and device; waits until it is done. Strides in bytes.
void copy_to_host(Device device, void* target, const void* source, int64_t row_bytes, int64_t source_stride,
                  int64_t num_rows);
void copy_from_host(Device device, void* target, const void* source, int64_t row_bytes, int64_t target_stride,
                    int64_t num_rows);

}  // namespace murmur
