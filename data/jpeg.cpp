#include "murmur/data/jpeg.hpp"

#include <algorithm>
#include <cstddef>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr uint8_t kFill = 0xff;  // also what every marker begins with
constexpr uint8_t kStart = 0xd8;
constexpr uint8_t kEnd = 0xd9;
constexpr uint8_t kStartOfScan = 0xda;
constexpr uint8_t kHuffmanTables = 0xc4;

bool is_compressed_data(uint8_t after_fill) {
  return after_fill == 0x00 || (after_fill >= 0xd0 && after_fill <= 0xd7);  // a stuffed 0xff, a restart marker
}

/// Moves `at` behind the next marker and returns its second byte; 0 where there is none.
uint8_t next_marker(std::span<const uint8_t> bytes, size_t& at, bool in_scan) {
  while (at < bytes.size()) {
    at = static_cast<size_t>(std::find(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end(), kFill) - bytes.begin());
    while (at < bytes.size() && bytes[at] == kFill) ++at;
    if (at == bytes.size()) break;
    const uint8_t marker = bytes[at++];
    if (!in_scan || !is_compressed_data(marker)) return marker;
  }
  return 0;
}

bool are_valid_tables(std::span<const uint8_t> tables) {
  constexpr size_t kNumLengths = 16;
  constexpr size_t kMaxCodes = 256;
  while (!tables.empty()) {
    if (tables.size() < 1 + kNumLengths) return false;
    size_t num_codes = 0;
    for (const uint8_t count : tables.subspan(1, kNumLengths)) num_codes += count;
    if (num_codes > kMaxCodes || tables.size() < 1 + kNumLengths + num_codes) return false;
    tables = tables.subspan(1 + kNumLengths + num_codes);
  }
  return true;
}

}  // namespace

void check_jpeg(const std::string& name, std::span<const uint8_t> bytes) {
  constexpr int kMaxScans = 256;  // each can take as long as the whole image; encoders make about ten
  bool in_scan = false;
  int num_scans = 0;
  size_t at = 0;
  for (uint8_t marker = 0; (marker = next_marker(bytes, at, in_scan)) != kEnd;) {
    if (marker == kStart) continue;
    const size_t length = at + 2 <= bytes.size() ? size_t{bytes[at]} << 8 | bytes[at + 1] : 0;
    if (length < 2 || at + length > bytes.size()) {
      throw DataError("{}: expected a whole JPEG image, got a file that ends, or is damaged, after {} of {} bytes",
                      name, at, bytes.size());
    }
    if (marker == kHuffmanTables && !are_valid_tables(bytes.subspan(at + 2, length - 2))) {
      throw DataError("{}: expected Huffman tables of at most 256 codes, got a damaged one at byte {}", name, at);
    }
    at += length;
    in_scan = marker == kStartOfScan;
    num_scans += in_scan ? 1 : 0;
    if (num_scans > kMaxScans) throw DataError("{}: expected at most {} scans, got more", name, kMaxScans);
  }
  if (num_scans == 0) throw DataError("{}: expected a JPEG image, got the end of the image at byte {}", name, at);
}

}  // namespace murmur
