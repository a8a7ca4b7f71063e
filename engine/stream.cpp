#include "murmur/engine/stream.hpp"

#include <exception>

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/engine/cuda/stream.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {

Capture::~Capture() {
  if (is_finished_) return;
  try {
    stream_.end_capture();
  } catch (const std::exception&) {
    // What ended the capture says more.
  }
}

std::unique_ptr<Graph> Capture::finish() {
  is_finished_ = true;
  return stream_.end_capture();
}

std::unique_ptr<Stream> make_stream(Device device, int num_threads) {
  require_device(device);
  if (num_threads < 0) throw InvalidArgument("threads: expected a number >= 0, got {}", num_threads);
  if (!device.is_cuda()) return std::make_unique<cpu::Stream>(num_threads);
  if constexpr (kCudaBuild) {
    return cuda::make_stream(device.index);
  }
  return nullptr;
}

}  // namespace murmur
