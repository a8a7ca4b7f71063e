#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/environment.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::test {

using Bytes = std::vector<uint8_t>;

using test::TemporaryFolder;

inline void write_file(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) throw std::runtime_error("cannot write " + path.string());
}

/// bytes as one gzip member.
inline Bytes gzip(const Bytes& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2 failed");
  }
  Bytes input = bytes;
  Bytes output(deflateBound(&stream, input.size()));
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = output.data();
  stream.avail_out = static_cast<uInt>(output.size());
  const int code = deflate(&stream, Z_FINISH);
  output.erase(output.end() - static_cast<std::ptrdiff_t>(stream.avail_out), output.end());
  deflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error("deflate failed");
  return output;
}

/// An IDX file: big-endian magic and sizes, then the payload.
inline Bytes idx(uint32_t magic, std::initializer_list<uint32_t> sizes, const Bytes& payload) {
  Bytes bytes;
  const auto append = [&](uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(number >> shift & 0xff));
  };
  append(magic);
  for (const uint32_t size : sizes) append(size);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

/// count bytes 0, 1, 2, ...
inline Bytes ramp(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i % 251);
  return bytes;
}

/// count bytes that do not compress.
inline Bytes noise(size_t count) {
  Bytes bytes(count);
  uint32_t state = 1;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

/// The message of the Exception that action throws, which must be one line; a failed test where it throws none.
template <class Exception, class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Exception& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  ADD_FAILURE() << "no exception was thrown";
  return {};
}

}  // namespace murmur::test
