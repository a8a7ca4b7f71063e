#pragma once

#include <string>

namespace murmur::cuda {

/// Number of usable GPUs; 0 when there is no driver.
int num_devices();

/// " (reason)" when num_devices() is 0, else "".
std::string why_no_device();

/// One line: model, compute capability, multiprocessors, memory, driver.
std::string describe_device(int index);

/// 90 for compute capability 9.0.
int compute_capability(int index);

/// "CUDA 13.0": the runtime that is loaded.
std::string toolkit_version();

}  // namespace murmur::cuda
