#include "murmur/engine/stream.hpp"

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/engine/cuda/stream.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {

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
