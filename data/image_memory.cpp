#include "murmur/data/image_memory.hpp"

#include <cstdlib>
#include <limits>

namespace murmur {
namespace {

thread_local size_t most_bytes = std::numeric_limits<size_t>::max();
thread_local bool has_met_limit = false;

bool is_allowed(size_t num_bytes) {
  has_met_limit = has_met_limit || num_bytes > most_bytes;
  return num_bytes <= most_bytes;
}

}  // namespace

ImageMemoryLimit::ImageMemoryLimit(size_t num_bytes) {
  most_bytes = num_bytes;
  has_met_limit = false;
}

ImageMemoryLimit::~ImageMemoryLimit() {
  most_bytes = std::numeric_limits<size_t>::max();
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): of the limit that lives
bool ImageMemoryLimit::was_met() const {
  return has_met_limit;
}

void* allocate_image(size_t num_bytes) {
  return is_allowed(num_bytes) ? std::malloc(num_bytes) : nullptr;
}

void* reallocate_image(void* memory, size_t num_bytes) {
  return is_allowed(num_bytes) ? std::realloc(memory, num_bytes) : nullptr;
}

}  // namespace murmur
