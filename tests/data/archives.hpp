#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/data/files.hpp"

namespace murmur::test {

using Entries = std::vector<std::pair<std::string, Bytes>>;

/// A tar archive (ustar) of plain files; a name that ends with "@" is a symbolic link to its bytes.
inline Bytes tar(const Entries& entries) {
  Bytes bytes;
  for (const auto& [name, contents] : entries) {
    const bool is_link = name.ends_with('@');
    Bytes header(512);
    const auto put = [&](size_t at, const std::string& text) {
      std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
    };
    put(0, is_link ? name.substr(0, name.size() - 1) : name);
    put(100, "0000644");
    put(124, fmt::format("{:011o}", is_link ? 0 : contents.size()));
    put(136, "00000000000");
    put(148, "        ");
    header[156] = is_link ? '2' : '0';
    if (is_link) put(157, std::string(contents.begin(), contents.end()));
    put(257, std::string("ustar\0"
                         "00",
                         8));
    unsigned sum = 0;
    for (const uint8_t byte : header) sum += byte;
    put(148, fmt::format("{:06o}", sum));
    header[154] = 0;
    bytes.insert(bytes.end(), header.begin(), header.end());
    if (is_link) continue;
    bytes.insert(bytes.end(), contents.begin(), contents.end());
    bytes.resize((bytes.size() + 511) / 512 * 512);
  }
  bytes.resize(bytes.size() + 1024);
  return bytes;
}

/// A zip archive of files that are stored as they are.
inline Bytes zip(const Entries& entries) {
  Bytes bytes;
  Bytes directory;
  const auto put = [](Bytes& to, uint32_t number, int num_bytes) {
    for (int i = 0; i < num_bytes; ++i) to.push_back(static_cast<uint8_t>(number >> (8 * i) & 0xff));
  };
  for (const auto& [name, contents] : entries) {
    const auto offset = static_cast<uint32_t>(bytes.size());
    const auto size = static_cast<uint32_t>(contents.size());
    Bytes shared;  // what local header and directory have in common
    for (const uint32_t number : {20u, 0u, 0u, 0u, 33u}) put(shared, number, 2);
    put(shared, static_cast<uint32_t>(crc32(0, contents.data(), size)), 4);
    for (const uint32_t number : {size, size}) put(shared, number, 4);
    put(shared, static_cast<uint32_t>(name.size()), 2);
    put(shared, 0, 2);
    put(bytes, 0x04034b50, 4);
    bytes.insert(bytes.end(), shared.begin(), shared.end());
    bytes.insert(bytes.end(), name.begin(), name.end());
    bytes.insert(bytes.end(), contents.begin(), contents.end());
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    directory.insert(directory.end(), shared.begin(), shared.end());
    for (int i = 0; i < 3; ++i) put(directory, 0, 2);
    put(directory, 0, 4);
    put(directory, offset, 4);
    directory.insert(directory.end(), name.begin(), name.end());
  }
  const auto start = static_cast<uint32_t>(bytes.size());
  bytes.insert(bytes.end(), directory.begin(), directory.end());
  put(bytes, 0x06054b50, 4);
  put(bytes, 0, 4);
  for (int i = 0; i < 2; ++i) put(bytes, static_cast<uint32_t>(entries.size()), 2);
  put(bytes, static_cast<uint32_t>(directory.size()), 4);
  put(bytes, start, 4);
  put(bytes, 0, 2);
  return bytes;
}

}  // namespace murmur::test
