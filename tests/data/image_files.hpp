#pragma once

#include <stb_image_write.h>

#include "tests/data/files.hpp"

namespace murmur::test {

inline void append_bytes(void* bytes, void* data, int size) {
  const auto* first = static_cast<const uint8_t*>(data);
  static_cast<Bytes*>(bytes)->insert(static_cast<Bytes*>(bytes)->end(), first, first + size);
}

/// Files in the real formats. pixels: [height, width, channels].
inline Bytes png(int height, int width, int channels, const Bytes& pixels) {
  Bytes bytes;
  stbi_write_png_to_func(append_bytes, &bytes, width, height, channels, pixels.data(), width * channels);
  return bytes;
}

inline Bytes bmp(int height, int width, int channels, const Bytes& pixels) {
  Bytes bytes;
  stbi_write_bmp_to_func(append_bytes, &bytes, width, height, channels, pixels.data());
  return bytes;
}

inline Bytes jpeg(int height, int width, int channels, const Bytes& pixels) {
  Bytes bytes;
  stbi_write_jpg_to_func(append_bytes, &bytes, width, height, channels, pixels.data(), 95);
  return bytes;
}

/// A PNG file of one colour; grey where the three are equal.
inline Bytes plain_png(int height, int width, const Bytes& colour) {
  Bytes pixels;
  for (int i = 0; i < height * width; ++i) pixels.insert(pixels.end(), colour.begin(), colour.end());
  return png(height, width, static_cast<int>(colour.size()), pixels);
}

/// A PNG file of nothing but a header that declares a size.
inline Bytes png_header(uint32_t height, uint32_t width) {
  Bytes bytes = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
  for (const uint32_t number : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(number >> shift & 0xff));
  }
  bytes.insert(bytes.end(), {8, 2, 0, 0, 0});  // bits, colour type and methods
  const uLong crc = crc32(0, bytes.data() + 12, static_cast<uInt>(bytes.size() - 12));
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(crc >> shift & 0xff));
  bytes.insert(bytes.end(), {0, 0, 0, 0, 'I', 'D', 'A', 'T', 0x35, 0xaf, 0x06, 0x1e});
  return bytes;
}

}  // namespace murmur::test
