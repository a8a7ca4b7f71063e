#include "murmur/data/byte_stream.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// Two bits of a deflate stream stand for at most 258 bytes.
constexpr int64_t kMaxDeflateRatio = 258 * 4;

/// A file on disk, with its size and with errors that name it.
class File {
 public:
  explicit File(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code error;
    const auto status = std::filesystem::status(path_, error);
    if (error) throw DataError("{}: expected a file, got an error: {}", name(), error.message());
    if (std::filesystem::is_directory(status)) throw DataError("{}: expected a file, got a directory", name());
    if (!std::filesystem::is_regular_file(status)) throw DataError("{}: expected a regular file", name());
    num_bytes_ = static_cast<int64_t>(std::filesystem::file_size(path_, error));
    if (error) throw DataError("{}: expected a file, got an error: {}", name(), error.message());
    if (num_bytes_ == 0) throw DataError("{}: expected data, got an empty file", name());
    errno = 0;
    stream_.open(path_, std::ios::binary);
    if (!stream_) {
      throw DataError("{}: expected a readable file, got an error: {}", name(), std::generic_category().message(errno));
    }
  }

  int64_t read(std::span<uint8_t> output) {
    stream_.read(reinterpret_cast<char*>(output.data()), static_cast<std::streamsize>(output.size()));
    if (stream_.bad()) throw DataError("{}: expected {} bytes, got an error while reading", name(), output.size());
    return stream_.gcount();
  }

  void rewind() {
    stream_.clear();
    stream_.seekg(0);
  }

  std::string name() const { return path_.string(); }
  int64_t num_bytes() const { return num_bytes_; }

 private:
  std::filesystem::path path_;
  std::ifstream stream_;
  int64_t num_bytes_ = 0;
};

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(File file) : file_(std::move(file)) {}
  int64_t read(std::span<uint8_t> output) override { return file_.read(output); }
  int64_t max_bytes() const override { return file_.num_bytes(); }

 private:
  File file_;
};

/// zlib's inflate rather than its gzread, which ignores what follows the last member and takes a broken first byte for
/// a file that was never packed.
class GzipStream : public ByteStream {
 public:
  explicit GzipStream(File file) : file_(std::move(file)) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    const int code = inflateInit2(&inflate_, kGzipOnly);
    if (code != Z_OK) throw DataError("{}: expected zlib to start, got its error {}", file_.name(), code);
  }
  ~GzipStream() override { inflateEnd(&inflate_); }

  int64_t read(std::span<uint8_t> output) override {
    size_t filled = 0;
    while (filled < output.size() && !ended_) {
      if (inflate_.avail_in == 0) refill();
      const size_t room = std::min<size_t>(output.size() - filled, std::numeric_limits<uInt>::max());
      inflate_.next_out = output.data() + filled;
      inflate_.avail_out = static_cast<uInt>(room);
      const int code = inflate(&inflate_, Z_NO_FLUSH);
      filled += room - inflate_.avail_out;
      num_unpacked_ += static_cast<int64_t>(room - inflate_.avail_out);
      if (code == Z_STREAM_END) {
        start_next_member();
      } else if (code == Z_BUF_ERROR) {  // no input left, and inflate wants more
        throw DataError("{}: expected the end of the gzip stream, got the end of the file after {} unpacked bytes",
                        file_.name(), num_unpacked_);
      } else if (code != Z_OK) {
        throw DataError("{}: expected gzip data, got corrupt data after {} unpacked bytes ({})", file_.name(),
                        num_unpacked_, inflate_.msg == nullptr ? zError(code) : inflate_.msg);
      }
    }
    return static_cast<int64_t>(filled);
  }

  int64_t max_bytes() const override {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    return file_.num_bytes() > kMost / kMaxDeflateRatio ? kMost : file_.num_bytes() * kMaxDeflateRatio;
  }

 private:
  void refill() {
    inflate_.next_in = packed_.data();
    inflate_.avail_in = static_cast<uInt>(file_.read(packed_));
  }

  /// A gzip file may be several streams in a row (pigz, bgzip). Anything else after a stream is corrupt, and inflate
  /// says so.
  void start_next_member() {
    if (inflate_.avail_in == 0) refill();
    ended_ = inflate_.avail_in == 0;
    if (!ended_) inflateReset(&inflate_);
  }

  File file_;
  z_stream inflate_{};
  std::array<uint8_t, 1 << 16> packed_{};
  int64_t num_unpacked_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> open_bytes(const std::filesystem::path& path) {
  File file(path);
  std::array<uint8_t, 2> start{};
  const bool is_gzip = file.read(start) == 2 && start == std::array<uint8_t, 2>{0x1f, 0x8b};
  file.rewind();
  if (is_gzip) return std::make_unique<GzipStream>(std::move(file));
  return std::make_unique<PlainStream>(std::move(file));
}

std::vector<uint8_t> read_bytes(const std::filesystem::path& path, int64_t max_bytes) {
  constexpr int64_t kFirstBytes = int64_t{1} << 16;
  const std::unique_ptr<ByteStream> stream = open_bytes(path);
  std::vector<uint8_t> bytes;
  int64_t filled = 0;
  // One byte more than a plain file holds: the first read then already meets the end.
  int64_t step = std::min(stream->max_bytes(), kFirstBytes) + 1;
  while (static_cast<int64_t>(bytes.size()) == filled) {
    bytes.resize(static_cast<size_t>(filled + step));
    filled += stream->read(std::span(bytes).subspan(static_cast<size_t>(filled)));
    if (filled > max_bytes) throw DataError("{}: expected at most {} bytes, got more", path.string(), max_bytes);
    step = filled;
  }
  bytes.resize(static_cast<size_t>(filled));
  return bytes;
}

}  // namespace murmur
