#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace murmur {

/// True in builds that contain the CUDA target (not: that a GPU is present).
#if defined(MURMUR_HAS_CUDA)
inline constexpr bool kCudaBuild = true;
#else
inline constexpr bool kCudaBuild = false;
#endif

enum class DeviceType : uint8_t { kCpu, kCuda };

/// Where a tensor lives and an operation runs.
struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;

  bool operator==(const Device&) const = default;
  constexpr bool is_cuda() const { return type == DeviceType::kCuda; }
  /// "cpu", "cuda:0"
  std::string name() const;
};

inline constexpr Device kCpu{};

/// True in test programs in which the CPU runs the kernels' CUDA code (kernels/emulated): those kernels define it.
bool emulates_gpu();

/// `cpu`, `cuda`, `cuda:N`, or `auto` (the first GPU where there is one, else the CPU).
/// Throws: InvalidArgument for another word, DeviceUnavailable for a GPU that is not there.
Device parse_device(std::string_view text);

/// Number of usable GPUs; 0 in a build without CUDA.
int num_cuda_devices();

/// What `murmur info` prints of a device: model, cores or multiprocessors, memory.
std::string describe(Device device);

/// Throws DeviceUnavailable, saying why, unless the device can be used.
void require_device(Device device);

}  // namespace murmur
