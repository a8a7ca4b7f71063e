#include "murmur/engine/tensor.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "murmur/engine/memory.hpp"

namespace murmur {
namespace {

int64_t product(std::span<const int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

int64_t product_after_first(const Shape& shape) {
  return shape.empty() ? 1 : product(std::span(shape).subspan(1));
}

}  // namespace

int64_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kU8:
      return 1;
  }
  return 0;
}

const char* name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
    case DType::kU8:
      return "u8";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
  }
  return "?";
}

std::string to_string(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Tensor Tensor::zeros(Shape shape, DType dtype, Device device) {
  const int64_t network_stride = product_after_first(shape);
  return zeros(std::move(shape), network_stride, dtype, device);
}

Tensor Tensor::zeros(Shape shape, int64_t network_stride, DType dtype, Device device) {
  if (std::ranges::any_of(shape, [](int64_t size) { return size < 0; })) {
    throw ShapeError("tensor: expected sizes >= 0, got {}", murmur::to_string(shape));
  }
  if (network_stride < product_after_first(shape)) {
    throw ShapeError("tensor: expected a network stride of at least {}, got {}", product_after_first(shape),
                     network_stride);
  }
  const int64_t num_networks = shape.empty() ? 1 : shape[0];
  std::shared_ptr<void> storage = allocate(device, num_networks * network_stride * size_bytes(dtype));
  return wrap(std::move(storage), 0, std::move(shape), network_stride, dtype, device);
}

Tensor Tensor::wrap(std::shared_ptr<void> storage, int64_t offset_bytes, Shape shape, int64_t network_stride,
                    DType dtype, Device device) {
  Tensor tensor;
  tensor.storage_ = std::move(storage);
  tensor.offset_bytes_ = offset_bytes;
  tensor.shape_ = std::move(shape);
  tensor.network_stride_ = network_stride;
  tensor.dtype_ = dtype;
  tensor.device_ = device;
  return tensor;
}

int64_t Tensor::num_elements() const {
  return product(shape_);
}

int64_t Tensor::network_size() const {
  return product_after_first(shape_);
}

void Tensor::check_dtype(DType expected) const {
  if (dtype_ != expected) {
    throw InvalidArgument("tensor: expected dtype {}, got {}", murmur::name(expected), murmur::name(dtype_));
  }
}

Tensor Tensor::view(int64_t offset, Shape shape) const {
  if (shape.empty() || shape_.empty() || shape[0] != shape_[0] || offset < 0 ||
      offset + product_after_first(shape) > network_stride_) {
    throw ShapeError("view: expected [P={}, ...] within {} elements of a network, got {} at offset {}",
                     shape_.empty() ? 0 : shape_[0], network_stride_, murmur::to_string(shape), offset);
  }
  Tensor result = *this;
  result.offset_bytes_ += offset * size_bytes(dtype_);
  result.shape_ = std::move(shape);
  return result;
}

Tensor Tensor::networks(int64_t first, int64_t count) const {
  if (shape_.empty() || first < 0 || count < 0 || first + count > shape_[0]) {
    throw ShapeError("networks: expected some of [0, {}), got {} from {}", shape_.empty() ? 0 : shape_[0], count,
                     first);
  }
  Tensor result = *this;
  result.offset_bytes_ += first * network_stride_ * size_bytes(dtype_);
  result.shape_[0] = count;
  return result;
}

void Tensor::copy_to_host(void* target) const {
  const int64_t item = size_bytes(dtype_);
  murmur::copy_to_host(device_, target, raw(), network_size() * item, network_stride_ * item,
                       shape_.empty() ? 1 : shape_[0]);
}

void Tensor::copy_from_host(const void* source, int64_t source_bytes) const {
  const int64_t item = size_bytes(dtype_);
  if (source_bytes != num_elements() * item) {
    throw ShapeError("copy_from_host: expected {} bytes for {} {}, got {}", num_elements() * item, murmur::name(dtype_),
                     murmur::to_string(shape_), source_bytes);
  }
  murmur::copy_from_host(device_, raw(), source, network_size() * item, network_stride_ * item,
                         shape_.empty() ? 1 : shape_[0]);
}

Tensor Tensor::to(Device device) const {
  std::vector<std::byte> host(static_cast<size_t>(num_elements() * size_bytes(dtype_)));
  copy_to_host(host.data());
  Tensor result = zeros(shape_, dtype_, device);
  result.copy_from_host(host.data(), static_cast<int64_t>(host.size()));
  return result;
}

}  // namespace murmur
