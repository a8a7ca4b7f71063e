#pragma once

#include <cstddef>

// The memory of the image decoder, which asks for what a file says: never for more than its header allows.
namespace murmur {

/// While it lives the decoder of this thread gets no single allocation of more than `num_bytes`. One at a time.
class ImageMemoryLimit {
 public:
  explicit ImageMemoryLimit(size_t num_bytes);
  ~ImageMemoryLimit();
  ImageMemoryLimit(const ImageMemoryLimit&) = delete;
  ImageMemoryLimit& operator=(const ImageMemoryLimit&) = delete;

  /// Whether it has asked for more.
  bool was_met() const;
};

/// What the decoder calls: null where the limit is met.
void* allocate_image(size_t num_bytes);
void* reallocate_image(void* memory, size_t num_bytes);

}  // namespace murmur
