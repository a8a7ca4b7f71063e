#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace murmur {

/// The bytes of one file, read once from front to back. Gzip is unpacked on the way.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  /// Fills output from the front and returns how many bytes it got: fewer than asked for only at the end of the stream.
  /// The checksum of a gzip file is known to be right only once a read has met the end.
  /// Throws: DataError (reading fails; gzip data is corrupt or ends too early).
  virtual int64_t read(std::span<uint8_t> output) = 0;

  /// No file of this size can yield more bytes than this; exact for files that are not packed.
  virtual int64_t max_bytes() const = 0;
};

/// Opens a file. Its first two bytes tell whether it is gzip, not its name: browsers and mirrors unpack without
/// renaming. Throws: DataError (missing, unreadable, empty, a directory or another thing that is not a regular file).
std::unique_ptr<ByteStream> open_bytes(const std::filesystem::path& path);

/// All bytes of a file, unpacked where it is gzip. Memory grows with what was read.
/// Throws: as open_bytes and read; DataError (more than max_bytes).
std::vector<uint8_t> read_bytes(const std::filesystem::path& path, int64_t max_bytes);

}  // namespace murmur
