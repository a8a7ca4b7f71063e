#include "murmur/data/mat.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "murmur/data/mat_input.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kTagBytes = 8;
constexpr int64_t kMostElements = int64_t{1} << 31;
constexpr int64_t kMostDimensions = 32;
constexpr int64_t kMostNameBytes = 4096;

/// Types of a data element that are used here.
enum ElementType : uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kUint16 = 4,
  kInt32 = 5,
  kUint32 = 6,
  kFloat = 7,
  kDouble = 9,
  kInt64 = 12,
  kUint64 = 13,
  kMatrix = 14,
  kCompressed = 15,
};

/// Bytes of one number; 0: no number.
int64_t bytes_of(uint32_t type) {
  switch (type) {
    case kInt8:
    case kUint8:
      return 1;
    case kInt16:
    case kUint16:
      return 2;
    case kInt32:
    case kUint32:
    case kFloat:
      return 4;
    case kDouble:
    case kInt64:
    case kUint64:
      return 8;
    default:
      return 0;
  }
}

template <class T>
T number_at(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));  // the file is little-endian, and so is every machine of this program
  return value;
}

double value_at(const uint8_t* bytes, uint32_t type) {
  switch (type) {
    case kInt8:
      return number_at<int8_t>(bytes);
    case kUint8:
      return number_at<uint8_t>(bytes);
    case kInt16:
      return number_at<int16_t>(bytes);
    case kUint16:
      return number_at<uint16_t>(bytes);
    case kInt32:
      return number_at<int32_t>(bytes);
    case kUint32:
      return number_at<uint32_t>(bytes);
    case kFloat:
      return static_cast<double>(number_at<float>(bytes));
    case kInt64:
      return static_cast<double>(number_at<int64_t>(bytes));
    case kUint64:
      return static_cast<double>(number_at<uint64_t>(bytes));
    default:
      return number_at<double>(bytes);
  }
}

/// What stands before the bytes of an element.
struct Tag {
  uint32_t type = 0;
  int64_t num_bytes = 0;
  std::optional<std::array<uint8_t, 4>> small{};  // the bytes themselves, where there are at most four
};

Tag parse_tag(const std::array<uint8_t, kTagBytes>& bytes) {
  const auto first = number_at<uint32_t>(bytes.data());
  if (first >> 16 == 0) return {first, number_at<uint32_t>(bytes.data() + 4), {}};
  return {first & 0xffff, first >> 16, std::array{bytes[4], bytes[5], bytes[6], bytes[7]}};
}

Tag read_tag(MatInput& input) {
  std::array<uint8_t, kTagBytes> bytes{};
  input.read(bytes);
  return parse_tag(bytes);
}

/// The bytes of a short element, and the padding behind them.
std::vector<uint8_t> read_element(MatInput& input, const char* what, uint32_t type, int64_t most_bytes) {
  const Tag tag = read_tag(input);
  if (tag.type != type || tag.num_bytes > most_bytes || (tag.small && tag.num_bytes > 4)) {
    throw DataError("{}: expected {}, of type {} and at most {} bytes, got type {} and {} bytes", input.name(), what,
                    type, most_bytes, tag.type, tag.num_bytes);
  }
  if (tag.small) return {tag.small->begin(), tag.small->begin() + tag.num_bytes};
  std::vector<uint8_t> bytes(static_cast<size_t>(tag.num_bytes));
  input.read(bytes);
  input.skip((kTagBytes - tag.num_bytes % kTagBytes) % kTagBytes);
  return bytes;
}

/// What a matrix says of itself before its values.
struct MatrixHeader {
  bool is_real_numeric = false;
  std::vector<int64_t> shape;
  std::string name;
};

MatrixHeader read_header(MatInput& input) {
  constexpr uint32_t kFirstNumericClass = 6;  // double; the last is uint64
  constexpr uint32_t kLastNumericClass = 15;
  constexpr uint32_t kComplexFlag = 0x800;
  const auto flags = read_element(input, "the flags of a matrix", kUint32, kTagBytes);
  const auto sizes = read_element(input, "the sizes of a matrix", kInt32, kMostDimensions * 4);
  const auto name = read_element(input, "the name of a matrix", kInt8, kMostNameBytes);
  if (flags.size() != kTagBytes || sizes.size() < 8 || sizes.size() % 4 != 0) {
    throw DataError("{}: expected flags of 8 bytes and two sizes or more, got {} and {} bytes", input.name(),
                    flags.size(), sizes.size());
  }
  MatrixHeader header;
  const auto word = number_at<uint32_t>(flags.data());
  const uint32_t kind = word & 0xff;
  header.is_real_numeric = kind >= kFirstNumericClass && kind <= kLastNumericClass && (word & kComplexFlag) == 0;
  for (size_t at = 0; at < sizes.size(); at += 4) header.shape.push_back(number_at<int32_t>(sizes.data() + at));
  header.name.assign(name.begin(), name.end());
  return header;
}

int64_t num_elements(const MatInput& input, const MatrixHeader& header) {
  int64_t count = 1;
  for (const int64_t size : header.shape) {
    if (size < 1 || size > kMostElements / count) {
      throw DataError("{}: expected '{}' to have 1 to {} elements, got {}", input.name(), header.name, kMostElements,
                      fmt::join(header.shape, "x"));
    }
    count *= size;
  }
  return count;
}

void append(const MatInput& input, const std::string& array, std::span<const uint8_t> bytes, uint32_t type,
            std::vector<uint8_t>& values) {
  if (type == kUint8) {
    values.insert(values.end(), bytes.begin(), bytes.end());
    return;
  }
  const auto step = static_cast<size_t>(bytes_of(type));
  for (size_t at = 0; at < bytes.size(); at += step) {
    const double value = value_at(bytes.data() + at, type);
    if (!(value >= 0 && value <= 255) || value != std::floor(value)) {
      throw DataError("{}: expected whole numbers from 0 to 255 in '{}', got {}", input.name(), array, value);
    }
    values.push_back(static_cast<uint8_t>(value));
  }
}

MatArray read_values(MatInput& input, const MatrixHeader& header) {
  if (!header.is_real_numeric)
    throw DataError("{}: expected '{}' to be numbers, got others", input.name(), header.name);
  const int64_t count = num_elements(input, header);
  const Tag tag = read_tag(input);
  const int64_t step = bytes_of(tag.type);
  if (step == 0 || tag.num_bytes != count * step || (tag.small && tag.num_bytes > 4)) {
    throw DataError("{}: expected {} numbers in '{}' as its sizes {} say, got {} bytes of type {}", input.name(), count,
                    header.name, fmt::join(header.shape, "x"), tag.num_bytes, tag.type);
  }
  MatArray array{header.shape, {}};
  if (tag.small) {
    append(input, header.name, std::span(*tag.small).first(static_cast<size_t>(tag.num_bytes)), tag.type, array.values);
    return array;
  }
  std::vector<uint8_t> block(static_cast<size_t>(std::min(tag.num_bytes, kMatBlockBytes)));
  for (int64_t left = tag.num_bytes; left > 0; left -= static_cast<int64_t>(block.size())) {
    block.resize(static_cast<size_t>(std::min(left, kMatBlockBytes)));
    input.read(block);
    append(input, header.name, block, tag.type, array.values);
  }
  return array;
}

/// Reads a matrix where it is one of those that are wanted; false where it is not. `input` stands behind the matrix's
/// tag, and is left somewhere in it.
bool take_matrix(MatInput& input, const std::vector<std::string>& names, std::map<std::string, MatArray>& arrays) {
  const MatrixHeader header = read_header(input);
  if (std::ranges::find(names, header.name) == names.end()) return false;
  arrays.insert_or_assign(header.name, read_values(input, header));
  return true;
}

/// An element that is not packed, of which the tag has been read: it is left whole.
void take_plain(MatInput& input, const Tag& tag, const std::vector<std::string>& names,
                std::map<std::string, MatArray>& arrays) {
  const int64_t end = input.left() - tag.num_bytes;
  if (end < 0)
    throw DataError("{}: expected an element of {} bytes, got {}", input.name(), tag.num_bytes, input.left());
  if (tag.type == kMatrix) take_matrix(input, names, arrays);
  if (input.left() < end) throw DataError("{}: expected a matrix of {} bytes, got more", input.name(), tag.num_bytes);
  input.skip(input.left() - end);
}

void take_packed(MatInput& file, int64_t num_bytes, const std::vector<std::string>& names,
                 std::map<std::string, MatArray>& arrays) {
  MatPackedInput packed(file, num_bytes);
  const bool is_taken = read_tag(packed).type == kMatrix && take_matrix(packed, names, arrays);
  if (is_taken) packed.expect_end(kTagBytes);  // padding; it is there that zlib compares its checksum
  packed.leave();
}

void check_header(MatInput& input) {
  constexpr size_t kHeaderBytes = 128;
  constexpr std::string_view kText = "MATLAB 5.0 MAT-file";
  std::array<uint8_t, kHeaderBytes> header{};
  input.read(header);
  const std::string_view text(reinterpret_cast<const char*>(header.data()), kHeaderBytes);
  if (text.starts_with("MATLAB 7.3")) {
    throw DataError("{}: expected a MATLAB file of level 5, got one of -v7.3 (HDF5); save it with -v7", input.name());
  }
  if (!text.starts_with(kText.substr(0, 6)) || !text.ends_with("IM")) {
    throw DataError("{}: expected a MATLAB file of level 5, little-endian, got another one or none", input.name());
  }
}

}  // namespace

std::map<std::string, MatArray> read_mat(const std::filesystem::path& path, const std::vector<std::string>& names) {
  MatFileInput file(path);
  check_header(file);
  std::map<std::string, MatArray> arrays;
  std::array<uint8_t, kTagBytes> bytes{};
  while (arrays.size() < names.size() && file.read_if_any(bytes)) {
    const Tag tag = parse_tag(bytes);
    if (tag.small) continue;
    if (tag.type == kCompressed) {
      take_packed(file, tag.num_bytes, names, arrays);
    } else {
      take_plain(file, tag, names, arrays);
    }
  }
  for (const std::string& name : names) {
    if (!arrays.contains(name)) throw DataError("{}: expected an array '{}', got none", path.string(), name);
  }
  return arrays;
}

}  // namespace murmur
