#include "murmur/data/mat_input.hpp"

#include <algorithm>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// Two bits of a deflate stream stand for at most 258 bytes.
constexpr int64_t kMaxDeflateRatio = 258 * 4;

}  // namespace

void MatInput::read(std::span<uint8_t> output) {
  const auto count = static_cast<int64_t>(output.size());
  if (count > left_ || read_some(output) < count) {
    throw DataError("{}: expected {} bytes more, got fewer: file truncated or damaged", name_, count);
  }
  left_ -= count;
}

bool MatInput::read_if_any(std::span<uint8_t> output) {
  if (read_some(output.first(1)) == 0) return false;
  --left_;
  read(output.subspan(1));
  return true;
}

void MatInput::skip(int64_t count) {
  if (count > left_) throw DataError("{}: expected {} bytes more, got {}: file truncated", name_, count, left_);
  std::vector<uint8_t> block(static_cast<size_t>(std::min(count, kMatBlockBytes)));
  while (count > 0) {
    block.resize(static_cast<size_t>(std::min(count, kMatBlockBytes)));
    read(block);
    count -= static_cast<int64_t>(block.size());
  }
}

MatPackedInput::MatPackedInput(MatInput& file, int64_t num_bytes)
    : MatInput(file.name(), num_bytes * kMaxDeflateRatio), file_(file), packed_left_(num_bytes) {
  const int code = inflateInit(&inflate_);
  if (code != Z_OK) throw DataError("{}: expected zlib to start, got its error {}", name(), code);
}

void MatPackedInput::expect_end(int64_t num_bytes) {
  std::vector<uint8_t> rest(static_cast<size_t>(num_bytes));
  if (read_some(rest) == num_bytes) throw DataError("{}: expected the end of packed data, got more", name());
}

int64_t MatPackedInput::read_some(std::span<uint8_t> output) {
  inflate_.next_out = output.data();
  inflate_.avail_out = static_cast<uInt>(output.size());
  while (inflate_.avail_out > 0 && !ended_) {
    if (inflate_.avail_in == 0) refill();
    const int code = inflate(&inflate_, Z_NO_FLUSH);
    ended_ = code == Z_STREAM_END;
    if (code == Z_OK || ended_) continue;
    throw DataError("{}: expected data packed by zlib, got corrupt data ({})", name(),
                    inflate_.msg == nullptr ? zError(code) : inflate_.msg);
  }
  return static_cast<int64_t>(output.size()) - inflate_.avail_out;
}

void MatPackedInput::refill() {
  const int64_t count = std::min<int64_t>(packed_left_, static_cast<int64_t>(packed_.size()));
  file_.read(std::span(packed_).first(static_cast<size_t>(count)));
  packed_left_ -= count;
  inflate_.next_in = packed_.data();
  inflate_.avail_in = static_cast<uInt>(count);
}

}  // namespace murmur
