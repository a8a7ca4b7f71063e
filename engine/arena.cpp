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
  while (current_ < chunks_.size() && chunk_used_ + num_bytes > chunks_[current_].size) {
    ++current_;
    chunk_used_ = 0;
  }
  if (current_ == chunks_.size()) {
    const int64_t size = std::max(chunk_bytes_, num_bytes);
    chunks_.push_back({allocate(device_, size), size});
  }
  const int64_t offset = chunk_used_;
  const int64_t rounded = (num_bytes + kAlignment - 1) / kAlignment * kAlignment;
  chunk_used_ += rounded;
  used_bytes_ += rounded;
  return Tensor::wrap(chunks_[current_].memory, offset, std::move(shape), network_stride, dtype, device_);
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
  for (const Chunk& chunk : chunks_) stream.clear(chunk.memory.get(), chunk.size);
}

void Arena::reset() {
  current_ = 0;
  chunk_used_ = 0;
  used_bytes_ = 0;
}

}  // namespace murmur
