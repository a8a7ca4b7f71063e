#include "murmur/data/image_cache.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"

namespace murmur {
namespace {

constexpr std::array<char, 8> kMagic = {'m', 'u', 'r', 'm', 'u', 'r', 'I', 'C'};
constexpr uint32_t kVersion = 1;  // to be raised when the layout, the order of samples, the decoder or resizing changes

/// In the machine's own byte order: another one's version is another.
struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t num_classes = 0;
  uint64_t fingerprint = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  int64_t num_train = 0;
  int64_t num_test = 0;
  uint32_t contents_checksum = 0;
  uint32_t header_checksum = 0;  // of all before it
};
static_assert(std::has_unique_object_representations_v<Header>, "no padding: it is written as it lies in memory");

uint32_t crc(uint32_t before, const void* bytes, size_t count) {
  return static_cast<uint32_t>(crc32_z(before, static_cast<const Bytef*>(bytes), count));
}

uint32_t header_checksum(const Header& header) {
  return crc(0, &header, offsetof(Header, header_checksum));
}

std::string size_name(ImageExtent size) {
  return size == ImageExtent{} ? "native" : fmt::format("{}x{}", size.height, size.width);
}

/// The folder for caches of all programs, empty where the environment names none.
std::filesystem::path cache_home() {
  const char* named = std::getenv("XDG_CACHE_HOME");
  if (named != nullptr && std::filesystem::path(named).is_absolute()) return named;
  const char* home = std::getenv("HOME");
  if (home == nullptr || !std::filesystem::path(home).is_absolute()) return {};
  return std::filesystem::path(home) / ".cache";
}

Samples make_samples(const Header& header, int64_t num_samples) {
  const auto count = static_cast<size_t>(num_samples);
  const auto image_bytes = static_cast<size_t>(header.height * header.width * header.channels);
  return {num_samples,
          header.height,
          header.width,
          header.channels,
          std::vector<uint8_t>(count * image_bytes),
          std::vector<uint8_t>(count)};
}

template <class T>
bool read_into(std::ifstream& file, T* output, size_t count) {
  return static_cast<bool>(file.read(reinterpret_cast<char*>(output), static_cast<std::streamsize>(count)));
}

bool is_between(int64_t value, int64_t low, int64_t high) {
  return low <= value && value <= high;
}

/// Within these bounds the number of bytes is an int64.
bool has_valid_sizes(const Header& header) {
  constexpr int64_t kMaxSide = 65535;
  constexpr int64_t kMaxSamples = int64_t{1} << 27;
  return is_between(header.height, 1, kMaxSide) && is_between(header.width, 1, kMaxSide) &&
         is_between(header.channels, 1, 3) && is_between(header.num_train, 1, kMaxSamples) &&
         is_between(header.num_test, 1, kMaxSamples) && is_between(header.num_classes, 2, 256);
}

bool is_valid(const Header& header, uint64_t fingerprint) {
  return header.magic == kMagic && header.version == kVersion && header.fingerprint == fingerprint &&
         header.header_checksum == header_checksum(header) && has_valid_sizes(header);
}

int64_t contents_bytes(const Header& header) {
  return (header.num_train + header.num_test) * (header.height * header.width * header.channels + 1);
}

void write_all(const std::filesystem::path& path, const Header& header, const Dataset& dataset) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&header, 1)));
  for (const Samples* part : {&dataset.train, &dataset.test}) {
    file.write(std::as_bytes(std::span(part->images)));
    file.write(std::as_bytes(std::span(part->labels)));
  }
  file.commit();
}

}  // namespace

std::vector<std::filesystem::path> cache_paths(const std::filesystem::path& directory, ImageExtent image_size) {
  std::vector<std::filesystem::path> paths{directory / (".murmur-cache-" + size_name(image_size))};
  std::error_code error;
  const std::string absolute = std::filesystem::canonical(directory, error).string();
  if (const auto home = cache_home(); !error && !home.empty()) {
    const uint32_t hash = crc(0, absolute.data(), absolute.size());
    const std::string folder = std::filesystem::path(absolute).filename().string();
    paths.push_back(home / "murmur" / fmt::format("{}-{:08x}-{}", folder, hash, size_name(image_size)));
  }
  return paths;
}

std::optional<Dataset> read_cache(const std::filesystem::path& path, uint64_t fingerprint) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  std::ifstream file(path, std::ios::binary);
  Header header;
  if (!read_into(file, &header, sizeof(header)) || !is_valid(header, fingerprint)) return {};
  const auto num_bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error || num_bytes != static_cast<int64_t>(sizeof(header)) + contents_bytes(header)) return {};
  Dataset dataset{"", header.num_classes, make_samples(header, header.num_train),
                  make_samples(header, header.num_test)};
  for (Samples* part : {&dataset.train, &dataset.test}) {
    if (!read_into(file, part->images.data(), part->images.size())) return {};
    if (!read_into(file, part->labels.data(), part->labels.size())) return {};
    if (*std::max_element(part->labels.begin(), part->labels.end()) >= header.num_classes) return {};
  }
  if (checksum(dataset) != header.contents_checksum) return {};
  return dataset;
}

bool write_cache(const std::filesystem::path& path, uint64_t fingerprint, const Dataset& dataset) {
  Header header;
  header.num_classes = static_cast<uint32_t>(dataset.num_classes);
  header.fingerprint = fingerprint;
  header.height = dataset.train.height;
  header.width = dataset.train.width;
  header.channels = dataset.train.channels;
  header.num_train = dataset.train.num_samples;
  header.num_test = dataset.test.num_samples;
  header.contents_checksum = checksum(dataset);
  header.header_checksum = header_checksum(header);
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  try {
    write_all(path, header, dataset);
  } catch (const Error&) {
    return false;
  }
  return true;
}

uint32_t checksum(const Dataset& dataset) {
  uint32_t value = 0;
  for (const Samples* part : {&dataset.train, &dataset.test}) {
    value = crc(value, part->images.data(), part->images.size());
    value = crc(value, part->labels.data(), part->labels.size());
  }
  return value;
}

}  // namespace murmur
