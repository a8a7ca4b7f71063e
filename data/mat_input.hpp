#pragma once

#include <zlib.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "murmur/data/byte_stream.hpp"

namespace murmur {

/// What is read or skipped at once, so that no more memory is asked for than a file can fill.
inline constexpr int64_t kMatBlockBytes = int64_t{1} << 16;

/// Bytes of a MATLAB file or of a packed element in it, read once from front to back.
class MatInput {
 public:
  MatInput(std::string name, int64_t num_bytes) : name_(std::move(name)), left_(num_bytes) {}
  MatInput(const MatInput&) = delete;
  MatInput& operator=(const MatInput&) = delete;
  virtual ~MatInput() = default;

  const std::string& name() const { return name_; }
  /// No more bytes than these can come.
  int64_t left() const { return left_; }

  /// Fills the output. Throws: DataError (it ends before, is damaged, or cannot be read).
  void read(std::span<uint8_t> output);
  /// Fills the output; false where it ends before its first byte. Throws: as read.
  bool read_if_any(std::span<uint8_t> output);
  void skip(int64_t count);

 protected:
  /// Returns how many bytes it got: fewer than asked for only at the end.
  virtual int64_t read_some(std::span<uint8_t> output) = 0;

 private:
  std::string name_;
  int64_t left_;
};

class MatFileInput final : public MatInput {
 public:
  /// Throws: DataError, as open_bytes.
  explicit MatFileInput(const std::filesystem::path& path) : MatFileInput(path.string(), open_bytes(path)) {}

 private:
  MatFileInput(const std::string& name, std::unique_ptr<ByteStream> stream)
      : MatInput(name, stream->max_bytes()), stream_(std::move(stream)) {}
  int64_t read_some(std::span<uint8_t> output) override { return stream_->read(output); }

  std::unique_ptr<ByteStream> stream_;
};

/// What the next `num_bytes` of another input, packed by zlib, hold.
class MatPackedInput final : public MatInput {
 public:
  MatPackedInput(MatInput& file, int64_t num_bytes);
  ~MatPackedInput() override { inflateEnd(&inflate_); }

  /// Throws: DataError unless fewer than `num_bytes` follow.
  void expect_end(int64_t num_bytes);
  /// Leaves the other input behind what is packed.
  void leave() { file_.skip(packed_left_); }

 private:
  int64_t read_some(std::span<uint8_t> output) override;
  void refill();

  MatInput& file_;
  int64_t packed_left_;
  z_stream inflate_{};
  std::array<uint8_t, 1 << 16> packed_{};
  bool ended_ = false;
};

}  // namespace murmur
