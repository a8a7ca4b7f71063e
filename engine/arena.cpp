#include "murmur/engine/arena.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "murmur/engine/memory.hpp"

namespace murmur {
namespace {

constexpr int64_t kAlignment = 256;

}  // namespace

Tensor Arena::zeros(Shape shape, DType dtype) {
  const int64_t stride =
      shape.empty() ? 1 : std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
  return zeros(std::move(shape), stride, dtype);
}

Tensor Arena::zeros(Shape shape, int64_t network_stride, DType dtype) {
  const int64_t num_networks = shape.empty() ? 1 : shape[0];
  const int64_t num_bytes = num_networks * network_stride * size_bytes(dtype);
  Chunk& chunk = chunk_for(num_bytes);
  const int64_t offset = chunk.used;
  const int64_t rounded = (num_bytes + kAlignment - 1) / kAlignment * kAlignment;
  chunk.used += rounded;
  chunk.most_used = std::max(chunk.most_used, std::min(chunk.used, chunk.size));
  used_bytes_ += rounded;
  return Tensor::wrap(chunk.memory, offset, std::move(shape), network_stride, dtype, device_);
}

/// Of large tensors' chunks the smallest that is large enough, so that the same tensors find the same ones; of those
/// for small ones the first with room.
Arena::Chunk& Arena::chunk_for(int64_t num_bytes) {
  const bool of_one = num_bytes > chunk_bytes_ / 4;
  Chunk* found = nullptr;
  for (Chunk& chunk : chunks_) {
    const bool has_room = of_one ? chunk.used == 0 && num_bytes <= chunk.size : chunk.used + num_bytes <= chunk.size;
    if (chunk.of_one != of_one || !has_room) continue;
    if (found == nullptr || (of_one && chunk.size < found->size)) found = &chunk;
  }
  if (found != nullptr) return *found;
  const int64_t size = of_one ? num_bytes : std::max(chunk_bytes_, num_bytes);
  return chunks_.emplace_back(Chunk{allocate(device_, size), size, of_one});
}

Tensor Arena::scratch(Shape shape, DType dtype) {
  const int64_t size = std::accumulate(shape.begin() + 1, shape.end(), int64_t{1}, std::multiplies<>());
  const int64_t network_bytes = (size * size_bytes(dtype) + kAlignment - 1) / kAlignment * kAlignment;
  if (scratch_.empty() || scratch_.back().network_bytes < network_bytes || scratch_.back().num_networks < shape[0]) {
    scratch_.push_back({allocate(device_, shape[0] * network_bytes), network_bytes, shape[0]});
  }
  const Scratch& scratch = scratch_.back();
  return Tensor::wrap(scratch.memory, 0, std::move(shape), scratch.network_bytes / size_bytes(dtype), dtype, device_);
}

void Arena::clear(Stream& stream) const {
  for (const Chunk& chunk : chunks_) stream.clear(chunk.memory.get(), chunk.most_used);
}

void Arena::reset() {
  for (Chunk& chunk : chunks_) chunk.used = 0;
  used_bytes_ = 0;
}

}  // namespace murmur
