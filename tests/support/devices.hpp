#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "murmur/engine/device.hpp"
#include "murmur/engine/stream.hpp"

namespace murmur {

/// How gtest shows a parameter; found by argument-dependent lookup.
inline void PrintTo(const Device& device, std::ostream* stream) {
  *stream << device.name();
}

}  // namespace murmur

namespace murmur::test {

inline const Device kGpu{DeviceType::kCuda, 0};

/// True where a missing GPU is a failure and not a reason to skip.
inline bool gpu_is_required() {
  const char* value = std::getenv("MURMUR_REQUIRE_GPU");
  return value != nullptr && std::string_view(value) == "1";
}

/// Empty where the device can be used, else one plain line.
inline std::string why_unusable(Device device) {
  try {
    require_device(device);
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// gtest names allow letters and digits only.
inline std::string test_name(Device device) {
  return device.is_cuda() ? "cuda" + std::to_string(device.index) : "cpu";
}

/// For the first line of SetUp() or of a test body.
#define MURMUR_NEED_DEVICE(wanted)                                                                      \
  do {                                                                                                  \
    const std::string reason = ::murmur::test::why_unusable(wanted);                                    \
    if (!reason.empty() && ::murmur::test::gpu_is_required()) FAIL() << reason;                         \
    if (!reason.empty()) GTEST_SKIP() << reason << " (MURMUR_REQUIRE_GPU=1 makes this skip a failure)"; \
  } while (false)

/// One test body, run on every device.
class DeviceTest : public ::testing::TestWithParam<Device> {
 protected:
  void SetUp() override {
    MURMUR_NEED_DEVICE(GetParam());
    stream_ = make_stream(GetParam(), 2);
  }

  Device device() const { return GetParam(); }
  Stream& stream() const { return *stream_; }

 private:
  std::unique_ptr<Stream> stream_;
};

#define MURMUR_ON_EVERY_DEVICE(Suite)                                                     \
  INSTANTIATE_TEST_SUITE_P(Devices, Suite, ::testing::Values(kCpu, ::murmur::test::kGpu), \
                           [](const auto& test_info) { return ::murmur::test::test_name(test_info.param); })

}  // namespace murmur::test
