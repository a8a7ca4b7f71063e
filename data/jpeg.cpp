#include "murmur/data/jpeg.hpp"

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr uint8_t kFill = 0xff;  // also what every marker begins with
constexpr uint8_t kStart = 0xd8;
constexpr uint8_t kEnd = 0xd9;
constexpr uint8_t kStartOfScan = 0xda;
constexpr uint8_t kHuffmanTables = 0xc4;
constexpr uint8_t kQuantizationTables = 0xdb;
constexpr uint8_t kFirstFrame = 0xc0;  // and one more: sequential,
constexpr uint8_t kProgressive = 0xc2;

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

/// What a decoder must have been told before a scan: T.81, B.2.3. stb_image uses tables that it never got as its memory
/// has them.
class Tables {
 public:
  /// Valid ones, of a DHT segment.
  void define_huffman(std::span<const uint8_t> tables) {
    constexpr size_t kLengths = 17;
    while (!tables.empty()) {
      has_huffman_.set(tables[0]);
      size_t size = kLengths;
      for (const uint8_t count : tables.subspan(1, kLengths - 1)) size += count;
      tables = tables.subspan(size);
    }
  }

  void define_quantization(std::span<const uint8_t> tables) {
    constexpr size_t kOfBytes = 65, kOfWords = 129;
    while (!tables.empty()) {
      const size_t size = tables[0] >> 4 == 0 ? kOfBytes : kOfWords;
      if (tables.size() < size) return;
      has_quantization_.set(tables[0] & 15u);
      tables = tables.subspan(size);
    }
  }

  /// The first of a frame header's components; the decoder refuses a second.
  void start_frame(std::span<const uint8_t> header, bool is_progressive) {
    constexpr size_t kFirst = 6, kOfComponent = 3;
    if (header.size() < kFirst || !components_.empty()) return;
    is_progressive_ = is_progressive;
    const size_t count = std::min<size_t>(header[kFirst - 1], (header.size() - kFirst) / kOfComponent);
    for (size_t i = 0; i < count; ++i) {
      const auto component = header.subspan(kFirst + kOfComponent * i, kOfComponent);
      components_.push_back({component[0], component[2]});
    }
  }

  /// True where a scan has its tables.
  bool start_scan(std::span<const uint8_t> header) {
    const size_t count = header.empty() ? 0 : header[0];
    if (header.size() != 1 + 2 * count + 3) return false;
    const uint8_t first = header[1 + 2 * count], bits = header[3 + 2 * count];
    const bool has_dc = first == 0 && !(is_progressive_ && bits >> 4 != 0);
    const bool has_ac = first != 0 || !is_progressive_;
    for (size_t i = 0; i < count; ++i) {
      const uint8_t id = header[1 + 2 * i];
      const size_t of_dc = header[2 + 2 * i] >> 4u, of_ac = header[2 + 2 * i] & 15u;
      const auto component = std::ranges::find(components_, id, &Component::id);
      if (component == components_.end() || !has_quantization_.test(component->quantization)) return false;
      if ((has_dc && !has_huffman_.test(of_dc)) || (has_ac && !has_huffman_.test(kOfAc + of_ac))) return false;
      component->has_scan = true;
    }
    return true;
  }

  /// A scan for each component; what has none is as the decoder's memory was.
  bool is_whole() const { return std::ranges::all_of(components_, &Component::has_scan); }

 private:
  static constexpr size_t kOfAc = 16;  // added to a Huffman table's number, as in its header
  struct Component {
    uint8_t id;
    uint8_t quantization;
    bool has_scan = false;
  };

  std::bitset<256> has_huffman_;
  std::bitset<256> has_quantization_;
  std::vector<Component> components_;
  bool is_progressive_ = false;
};

}  // namespace

void check_jpeg(const std::string& name, std::span<const uint8_t> bytes) {
  constexpr int kMaxScans = 256;  // each can take as long as the whole image; encoders make about ten
  Tables tables;
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
    const std::span<const uint8_t> segment = bytes.subspan(at + 2, length - 2);
    if (marker == kHuffmanTables) {
      if (!are_valid_tables(segment)) {
        throw DataError("{}: expected Huffman tables of at most 256 codes, got a damaged one at byte {}", name, at);
      }
      tables.define_huffman(segment);
    }
    if (marker == kQuantizationTables) tables.define_quantization(segment);
    if (marker >= kFirstFrame && marker <= kProgressive) tables.start_frame(segment, marker == kProgressive);
    in_scan = marker == kStartOfScan;
    if (in_scan && !tables.start_scan(segment)) {
      throw DataError("{}: expected a scan of the image's components after its tables, got another at byte {}", name,
                      at);
    }
    at += length;
    num_scans += in_scan ? 1 : 0;
    if (num_scans > kMaxScans) throw DataError("{}: expected at most {} scans, got more", name, kMaxScans);
  }
  if (num_scans == 0) throw DataError("{}: expected a JPEG image, got the end of the image at byte {}", name, at);
  if (!tables.is_whole()) throw DataError("{}: expected a scan of each component, got fewer", name);
}

}  // namespace murmur
