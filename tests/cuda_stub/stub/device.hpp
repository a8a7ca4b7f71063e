#pragma once

#include <cstdint>

namespace murmur::stub {

/// Of this thread.
int current_device();
int num_devices();
int64_t device_bytes();

}  // namespace murmur::stub
