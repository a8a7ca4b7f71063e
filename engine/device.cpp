#include "murmur/engine/device.hpp"

#include <fmt/format.h>

#include <charconv>

#include "murmur/engine/cpu/host.hpp"
#include "murmur/engine/cuda/device.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {

std::string Device::name() const {
  return is_cuda() ? fmt::format("cuda:{}", index) : "cpu";
}

// Where a program has the emulated kernels, it takes their definition.
[[gnu::weak]] bool emulates_gpu() {
  return false;
}

int num_cuda_devices() {
  if constexpr (!kCudaBuild) {
    return 0;
  } else {
    return cuda::num_devices();
  }
}

Device parse_device(std::string_view text) {
  if (text == "cpu") return kCpu;
  if (text == "auto") return num_cuda_devices() > 0 ? Device{DeviceType::kCuda, 0} : kCpu;
  Device device{DeviceType::kCuda, 0};
  const std::string_view number = text.substr(std::min<size_t>(text.size(), 5));
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), device.index);
  const bool has_index =
      text.starts_with("cuda:") && error == std::errc() && end == number.data() + number.size() && device.index >= 0;
  if (text != "cuda" && !has_index) {
    throw InvalidArgument("device: expected auto, cpu, cuda or cuda:N, got '{}'", text);
  }
  require_device(device);
  return device;
}

void require_device(Device device) {
  if (!device.is_cuda()) return;
  if constexpr (!kCudaBuild) {
    throw DeviceUnavailable("device {}: expected a build with CUDA, got one without (configure with -DMURMUR_CUDA=ON)",
                            device.name());
  } else {
    const int count = cuda::num_devices();
    if (device.index >= count) {
      throw DeviceUnavailable("device {}: expected a GPU with this number, got {} on this machine{}", device.name(),
                              count == 0 ? "none" : fmt::format("{}", count), cuda::why_no_device());
    }
  }
}

std::string describe(Device device) {
  if (!device.is_cuda()) return cpu::describe_host();
  require_device(device);
  if constexpr (kCudaBuild) {
    return cuda::describe_device(device.index);
  }
  return "";
}

}  // namespace murmur
