#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace murmur {

/// The bytes of a PNG file; the same for the same pixels. Where red, green and blue are equal everywhere the file is a
/// grey one.
/// Shapes: pixels [height, width, 3], red, green, blue. Throws: Error, std::bad_alloc.
std::string encode_png(int64_t width, int64_t height, std::span<const uint8_t> pixels);

}  // namespace murmur
