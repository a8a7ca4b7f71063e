#include "murmur/data/idx.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "murmur/data/byte_stream.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr uint32_t kImagesMagic = 0x00000803;
constexpr uint32_t kLabelsMagic = 0x00000801;
constexpr int64_t kSizeBytes = 4;

struct IdxFile {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> payload;
};

/// The third byte of the magic number is the element type, the fourth the number of dimensions.
std::string describe_magic(uint32_t magic) {
  if (magic == kImagesMagic) return "images";
  if (magic == kLabelsMagic) return "labels";
  constexpr std::array<std::pair<uint32_t, std::string_view>, 6> kTypes = {
      {{0x08, "uint8"}, {0x09, "int8"}, {0x0b, "int16"}, {0x0c, "int32"}, {0x0d, "float32"}, {0x0e, "float64"}}};
  const auto* type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.first == magic >> 8; });
  if (type == kTypes.end()) return "not an IDX file";
  return fmt::format("elements {} in {} dimensions", type->second, magic & 0xff);
}

void check_magic(const std::string& name, uint32_t expected, uint32_t got) {
  if (got == expected) return;
  const bool swapped = got == kImagesMagic || got == kLabelsMagic;
  throw DataError("{}: expected magic 0x{:08x} ({}), got 0x{:08x} ({}{})", name, expected, describe_magic(expected),
                  got, describe_magic(got), swapped ? ": are the images and labels files swapped?" : "");
}

/// Reads the header's next number; `before` bytes of the header were read already.
uint32_t read_big_endian(ByteStream& stream, const std::string& name, int64_t header_bytes, int64_t before) {
  std::array<uint8_t, kSizeBytes> bytes{};
  const int64_t num_read = stream.read(bytes);
  if (num_read < kSizeBytes) {
    throw DataError("{}: expected a header of {} bytes, got {}", name, header_bytes, before + num_read);
  }
  uint32_t number = 0;
  for (const uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

/// The number of payload bytes, once it is known that the file can hold them. `limit` also keeps the product in range.
int64_t payload_bytes(const std::string& name, const std::vector<int64_t>& sizes, int64_t limit) {
  int64_t num_bytes = 1;
  for (const int64_t size : sizes) {
    if (size == 0) throw DataError("{}: expected sizes of at least 1, got {}", name, fmt::join(sizes, "x"));
  }
  for (const int64_t size : sizes) {
    if (size > limit / num_bytes) {
      throw DataError("{}: expected {} bytes after the header, got at most {}: file truncated or header damaged", name,
                      fmt::join(sizes, "x"), limit);
    }
    num_bytes *= size;
  }
  return num_bytes;
}

/// Memory grows with what was read: the size of a packed file bounds its contents only loosely.
std::vector<uint8_t> read_payload(ByteStream& stream, const std::string& name, int64_t num_bytes) {
  constexpr int64_t kFirstBytes = int64_t{1} << 20;
  std::vector<uint8_t> payload;
  int64_t filled = 0;
  while (filled < num_bytes) {
    const int64_t target = std::min(num_bytes, std::max(kFirstBytes, 2 * filled));
    payload.reserve(static_cast<size_t>(target));  // resize alone would round the last step up
    payload.resize(static_cast<size_t>(target));
    filled += stream.read(std::span(payload).subspan(static_cast<size_t>(filled)));
    if (filled < target) {
      throw DataError("{}: expected {} bytes after the header, got {}: file truncated", name, num_bytes, filled);
    }
  }
  std::array<uint8_t, 1> extra{};
  if (stream.read(extra) != 0) {  // reading on also makes zlib compare the checksum
    throw DataError("{}: expected {} bytes after the header, got more", name, num_bytes);
  }
  return payload;
}

IdxFile read_idx(const std::filesystem::path& path, uint32_t expected_magic) {
  const std::string name = path.string();
  const std::unique_ptr<ByteStream> stream = open_bytes(path);
  const int64_t num_dimensions = expected_magic & 0xff;
  const int64_t header_bytes = kSizeBytes * (1 + num_dimensions);
  check_magic(name, expected_magic, read_big_endian(*stream, name, header_bytes, 0));
  IdxFile file;
  for (int64_t i = 1; i <= num_dimensions; ++i) {
    file.sizes.push_back(read_big_endian(*stream, name, header_bytes, i * kSizeBytes));
  }
  const int64_t limit = std::max<int64_t>(0, stream->max_bytes() - header_bytes);
  file.payload = read_payload(*stream, name, payload_bytes(name, file.sizes, limit));
  return file;
}

}  // namespace

IdxImages read_idx_images(const std::filesystem::path& path) {
  IdxFile file = read_idx(path, kImagesMagic);
  return {file.sizes[0], file.sizes[1], file.sizes[2], std::move(file.payload)};
}

std::vector<uint8_t> read_idx_labels(const std::filesystem::path& path) {
  return read_idx(path, kLabelsMagic).payload;
}

}  // namespace murmur
