// stb_image_write makes the file, zlib packs it: by itself stb has no Huffman codes, and files are half as large again.
#include "murmur/preview/png.hpp"

#include <zlib.h>

#include <cstdlib>
#include <vector>

#include "murmur/engine/error.hpp"

namespace {

/// As stb asks for it: memory of malloc, or null.
unsigned char* pack(unsigned char* data, int num_bytes, int* out_bytes, int level) {
  uLongf size = compressBound(static_cast<uLong>(num_bytes));
  auto* result = static_cast<unsigned char*>(std::malloc(size));
  if (result == nullptr) return nullptr;
  if (compress2(result, &size, data, static_cast<uLong>(num_bytes), level) != Z_OK) {
    std::free(result);
    return nullptr;
  }
  *out_bytes = static_cast<int>(size);
  return result;
}

}  // namespace

#define STBIW_ZLIB_COMPRESS pack
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

namespace murmur {
namespace {

constexpr int64_t kRgb = 3;

/// One value a pixel, where that says it all; else empty.
std::vector<uint8_t> as_grey(std::span<const uint8_t> pixels) {
  std::vector<uint8_t> grey;
  grey.reserve(pixels.size() / kRgb);
  for (size_t i = 0; i + 2 < pixels.size(); i += kRgb) {
    if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2]) return {};
    grey.push_back(pixels[i]);
  }
  return grey;
}

}  // namespace

std::string encode_png(int64_t width, int64_t height, std::span<const uint8_t> pixels) {
  const std::vector<uint8_t> grey = as_grey(pixels);
  const int channels = grey.empty() ? kRgb : 1;
  const void* source = grey.empty() ? pixels.data() : grey.data();
  std::string file;
  const auto append = [](void* target, void* bytes, int size) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), static_cast<size_t>(size));
  };
  stbi_write_png_compression_level = Z_BEST_COMPRESSION;
  const int written = stbi_write_png_to_func(append, &file, static_cast<int>(width), static_cast<int>(height), channels,
                                             source, static_cast<int>(width) * channels);
  if (written == 0) throw Error("png: expected {} x {} pixels to become a file, got none", width, height);
  return file;
}

}  // namespace murmur
