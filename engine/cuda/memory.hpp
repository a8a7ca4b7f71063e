#pragma once

#include <cstdint>
#include <memory>

namespace murmur::cuda {

std::shared_ptr<void> allocate(int device, int64_t num_bytes);
std::shared_ptr<void> allocate_pinned(int device, int64_t num_bytes);
int64_t free_bytes(int device);
void copy_to_host(int device, void* target, const void* source, int64_t row_bytes, int64_t source_stride,
                  int64_t num_rows);
void copy_from_host(int device, void* target, const void* source, int64_t row_bytes, int64_t target_stride,
                    int64_t num_rows);

}  // namespace murmur::cuda
