#pragma once

#include <string>

namespace murmur::cuda {

/// Number of usable GPUs; 0 when there is no driver.
int num_devices();

/// " (reason)" when num_devices() is 0, else "".
std::string why_no_device();

/// One line: model, compute capability, multiprocessors, memory, driver.
std::string describe_device(int index);

}  // namespace murmur::cuda
