#include "murmur/data/image.hpp"

#include <stb_image.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "murmur/data/byte_stream.hpp"
#include "murmur/data/image_memory.hpp"
#include "murmur/data/jpeg.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kMaxPixels = int64_t{64} << 20;
constexpr int64_t kMaxFileBytes = int64_t{1} << 30;
constexpr int64_t kMaxSide = 4096;

struct FreePixels {
  void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};

using Pixels = std::unique_ptr<stbi_uc, FreePixels>;

Pixels decode(std::span<const uint8_t> bytes, int& height, int& width) {
  int channels = 0;
  return Pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels, STBI_rgb));
}

[[noreturn]] void throw_not_an_image(const std::string& name) {
  throw DataError("{}: expected a PNG, JPEG or BMP image, got: {}", name, stbi_failure_reason());
}

/// What the decoder may ask for at once: the compressed data in one piece, whose buffer it doubles, and 16 bytes a
/// pixel, of rows and columns that it rounds up, beside its tables. A PNG file of a megabyte can hold a gigabyte of
/// zeros, and a header that says 1 x 1.
size_t most_memory(std::span<const uint8_t> bytes, ImageExtent size) {
  constexpr size_t kOfTables = size_t{64} << 10;
  constexpr int64_t kRoundedUp = 32;  // the largest block of a JPEG file
  const int64_t pixels = (size.height + kRoundedUp) * (size.width + kRoundedUp);
  return kOfTables + 2 * bytes.size() + 17 * static_cast<size_t>(pixels);
}

uint32_t little_endian(std::span<const uint8_t> bytes, size_t first, size_t count) {
  uint32_t number = 0;
  for (size_t i = first + count; i-- > first;) number = number << 8 | (i < bytes.size() ? bytes[i] : 0u);
  return number;
}

bool is_whole_bmp(std::span<const uint8_t> bytes, ImageExtent size) {
  constexpr uint32_t kOldHeaderBytes = 12;
  const auto first = static_cast<int64_t>(little_endian(bytes, 10, 4));
  const int64_t bits = little_endian(bytes, little_endian(bytes, 14, 4) == kOldHeaderBytes ? 24 : 28, 2);
  const int64_t row_bytes = (size.width * bits + 31) / 32 * 4;
  return first + row_bytes * size.height <= static_cast<int64_t>(bytes.size());
}

/// stb_image reads zeros where a BMP file has been cut off.
void check_bmp(const std::string& name, std::span<const uint8_t> bytes, ImageExtent size) {
  if (bytes[0] != 'B' || is_whole_bmp(bytes, size)) return;
  throw DataError("{}: expected a whole image of {}x{}, got a file that ends after {} bytes", name, size.height,
                  size.width, bytes.size());
}

}  // namespace

ImageExtent parse_image_size(std::string_view text) {
  if (text.empty()) return {};
  ImageExtent size;
  const char* const end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, size.height);
  size.width = size.height;
  if (error == std::errc() && rest != end && *rest == 'x') {
    const auto second = std::from_chars(rest + 1, end, size.width);
    rest = second.ptr;
    error = second.ec;
  }
  const bool in_range = std::min(size.height, size.width) >= 1 && std::max(size.height, size.width) <= kMaxSide;
  if (error != std::errc() || rest != end || !in_range) {
    throw InvalidArgument("image size: expected H or HxW with sides from 1 to {}, got '{}'", kMaxSide, text);
  }
  return size;
}

ImageExtent image_size(const std::string& name, std::span<const uint8_t> bytes) {
  int width = 0;
  int height = 0;
  int channels = 0;
  if (!bytes.empty() && bytes[0] == 0xff) check_jpeg(name, bytes);
  if (stbi_info_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels) == 0) {
    const ImageMemoryLimit limit(most_memory(bytes, {}));
    decode(bytes, height, width);  // only it says what is wrong
    throw_not_an_image(name);
  }
  // The height of a BMP file is negative where its first row is the upper one.
  const ImageExtent size{std::abs(int64_t{height}), int64_t{width}};
  if (size.height < 1 || size.width < 1) {
    throw DataError("{}: expected an image of at least 1x1, got {}x{}", name, size.height, size.width);
  }
  if (size.height > kMaxPixels / size.width) {
    throw DataError("{}: expected an image of at most {} pixels, got {}x{}", name, kMaxPixels, size.height, size.width);
  }
  return size;
}

ImageExtent read_image_size(const std::filesystem::path& path) {
  return image_size(path.string(), read_bytes(path, kMaxFileBytes));
}

RgbImage read_image(const std::filesystem::path& path) {
  return decode_image(path.string(), read_bytes(path, kMaxFileBytes));
}

RgbImage decode_image(const std::string& name, std::span<const uint8_t> bytes) {
  const ImageExtent size = image_size(name, bytes);
  int width = 0;
  int height = 0;
  const ImageMemoryLimit limit(most_memory(bytes, size));
  const Pixels pixels = decode(bytes, height, width);
  if (!pixels && limit.was_met()) {
    throw DataError("{}: expected data of {}x{} pixels as in the header, got more", name, size.height, size.width);
  }
  if (!pixels) throw_not_an_image(name);
  if (ImageExtent{height, width} != size) {
    throw DataError("{}: expected {}x{} pixels as in the header, got {}x{}", name, size.height, size.width, height,
                    width);
  }
  check_bmp(name, bytes, size);
  return {size, {pixels.get(), pixels.get() + size.height * size.width * STBI_rgb}};
}

}  // namespace murmur
