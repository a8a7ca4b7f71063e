#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "murmur/engine/address_sanitizer.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/engine/tensor.hpp"

namespace murmur {

/// Bump allocation of the tensors of one step. A step allocates its activations and gradients once, when it is built or
/// captured; nothing is allocated while it runs. Tensors keep their chunk alive.
class Arena {
 public:
#ifdef MURMUR_ADDRESS_SANITIZER
  static constexpr int64_t kChunkBytes = 0;  // a chunk a tensor: the sanitizer sees where it ends
#else
  static constexpr int64_t kChunkBytes = int64_t{16} << 20;
#endif
  explicit Arena(Device device, int64_t chunk_bytes = kChunkBytes) : device_(device), chunk_bytes_(chunk_bytes) {}

  Device device() const {
    return device_;
  }
  /// As Tensor::zeros.
  Tensor zeros(Shape shape, int64_t network_stride, DType dtype);
  Tensor zeros(Shape shape, DType dtype);
  /// Working memory of one operation (aligned like the rest): the next call may hand out the same, so nothing is kept
  /// in it from one operation to the next. Each network has its own part whatever the shape: networks run at their own
  /// pace.
  Tensor scratch(Shape shape, DType dtype);
  /// Hands out the same memory again, in the same order, without zeroing it: for a step that is built anew every tick
  /// and asks for the same tensors every time, so that padding stays zero.
  void reset();
  /// Queues zeros for all that it has ever handed out, before a step that asks for other tensors; what it never did is
  /// zeros still, and on a CPU no page of it is there. Scratch memory stays as it is.
  void clear(Stream& stream) const;
  /// Bytes handed out so far.
  int64_t used_bytes() const {
    return used_bytes_;
  }

 private:
  struct Chunk {
    std::shared_ptr<void> memory;
    int64_t size;
    bool of_one;  // a large tensor's own, as large as that; others are shared by small ones
    int64_t used = 0;
    int64_t most_used = 0;
  };
  Chunk& chunk_for(int64_t num_bytes);

  Device device_;
  int64_t chunk_bytes_;
  std::vector<Chunk> chunks_;
  struct Scratch {
    std::shared_ptr<void> memory;
    int64_t network_bytes;
    int64_t num_networks;
  };
  std::vector<Scratch> scratch_;  // the last one counts; a captured step may still use the others
  int64_t used_bytes_ = 0;
};

}  // namespace murmur
