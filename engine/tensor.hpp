#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "murmur/engine/device.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {

enum class DType : uint8_t { kF32, kF64, kU8, kI32, kI64 };

int64_t size_bytes(DType dtype);
const char* name(DType dtype);

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, double>) return DType::kF64;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kU8;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kI32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kI64;
}

using Shape = std::vector<int64_t>;

/// "[8, 50, 784]"
std::string to_string(std::span<const int64_t> shape);

/// An array on a device. Axis 0 is the network: all elements of one network are contiguous and row-major, and networks
/// are `network_stride` elements apart, so that a parameter of a population is a view into the arena [P][N].
/// Copies share storage. Memory is zero when allocated.
class Tensor {
 public:
  Tensor() = default;

  /// A new tensor of zeros. Throws: ShapeError for a negative size, DeviceUnavailable, CudaError, std::bad_alloc.
  static Tensor zeros(Shape shape, DType dtype, Device device);
  /// A new tensor of zeros whose networks are `network_stride` elements apart (>= the size of one network).
  static Tensor zeros(Shape shape, int64_t network_stride, DType dtype, Device device);
  /// A tensor over memory that something else has allocated and zeroed (an arena).
  static Tensor wrap(std::shared_ptr<void> storage, int64_t offset_bytes, Shape shape, int64_t network_stride,
                     DType dtype, Device device);
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape, Device device) {
    Tensor tensor = zeros(std::move(shape), dtype_of<T>(), device);
    tensor.copy_from_host(values.data(), static_cast<int64_t>(values.size_bytes()));
    return tensor;
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t size(size_t axis) const { return shape_.at(axis); }
  int64_t num_axes() const { return static_cast<int64_t>(shape_.size()); }
  /// Number of elements, of all networks.
  int64_t num_elements() const;
  /// Number of elements of one network: the product of all axes but the first.
  int64_t network_size() const;
  /// Elements from one network to the next.
  int64_t network_stride() const { return network_stride_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  /// Pointer to the first element, on this tensor's device. Throws: InvalidArgument when T is not its dtype.
  template <class T>
  T* data() const {
    check_dtype(dtype_of<T>());
    return static_cast<T*>(raw());
  }
  void* raw() const { return static_cast<std::byte*>(storage_.get()) + offset_bytes_; }

  /// A view of the elements [offset, offset + size of one network) of every network, in a new shape [P, ...].
  /// Throws: ShapeError when it does not fit.
  Tensor view(int64_t offset, Shape shape) const;
  /// A view of the networks [first, first + count). Throws: ShapeError when there are fewer.
  Tensor networks(int64_t first, int64_t count) const;

  /// All elements on the host, network after network. Synchronises the device.
  template <class T>
  std::vector<T> to_vector() const {
    check_dtype(dtype_of<T>());
    std::vector<T> values(static_cast<size_t>(num_elements()));
    copy_to_host(values.data());
    return values;
  }
  void copy_to_host(void* target) const;
  /// Throws: ShapeError when source_bytes is not what the tensor holds.
  void copy_from_host(const void* source, int64_t source_bytes) const;
  /// A contiguous copy on another device.
  Tensor to(Device device) const;

 private:
  void check_dtype(DType expected) const;

  std::shared_ptr<void> storage_;
  int64_t offset_bytes_ = 0;
  Shape shape_;
  int64_t network_stride_ = 0;
  DType dtype_ = DType::kF32;
  Device device_;
};

}  // namespace murmur
