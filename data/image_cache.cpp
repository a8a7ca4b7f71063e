#include "murmur/data/image_cache.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "murmur/data/places.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"

namespace murmur {
namespace {

constexpr std::array<char, 8> kMagic = {'m', 'u', 'r', 'm', 'u', 'r', 'I', 'C'};
constexpr uint32_t kVersion = 2;  // to be raised when the layout, the order of samples, the decoder or resizing changes

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
  int64_t num_validation = 0;
  int64_t num_test = 0;
  int64_t skipped_bytes = 0;
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

/// Paths and reasons, a zero byte behind each.
std::string text_of(const std::vector<BrokenFile>& files) {
  std::string text;
  for (const BrokenFile& file : files) text.append(file.path).append(1, '\0').append(file.reason).append(1, '\0');
  return text;
}

std::vector<BrokenFile> files_of(const std::string& text) {
  std::vector<BrokenFile> files;
  std::istringstream words(text);
  BrokenFile file;
  while (std::getline(words, file.path, '\0') && std::getline(words, file.reason, '\0')) files.push_back(file);
  return files;
}

uint32_t contents_checksum(const Dataset& dataset, const std::string& skipped) {
  return crc(checksum(dataset), skipped.data(), skipped.size());
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
  constexpr int64_t kMaxCachedSide = 65535;
  constexpr int64_t kMaxSamples = int64_t{1} << 27;
  constexpr int64_t kMaxSkippedBytes = int64_t{1} << 36;
  return is_between(header.height, 1, kMaxCachedSide) && is_between(header.width, 1, kMaxCachedSide) &&
         is_between(header.channels, 1, 3) && is_between(header.num_train, 1, kMaxSamples) &&
         is_between(header.num_validation, 0, header.num_train - 1) && is_between(header.num_test, 1, kMaxSamples) &&
         is_between(header.skipped_bytes, 0, kMaxSkippedBytes) && is_between(header.num_classes, 2, 256);
}

bool is_valid(const Header& header, uint64_t fingerprint) {
  return header.magic == kMagic && header.version == kVersion && header.fingerprint == fingerprint &&
         header.header_checksum == header_checksum(header) && has_valid_sizes(header);
}

int64_t contents_bytes(const Header& header) {
  return (header.num_train + header.num_test) * (header.height * header.width * header.channels + 1) +
         header.skipped_bytes;
}

void write_all(const std::filesystem::path& path, const Header& header, const Dataset& dataset,
               const std::string& skipped) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&header, 1)));
  for (const Samples* part : {&dataset.train, &dataset.test}) {
    file.write(std::as_bytes(std::span(part->images)));
    file.write(std::as_bytes(std::span(part->labels)));
  }
  file.write(skipped);
  file.commit();
}

}  // namespace

std::filesystem::path cache_path(const std::filesystem::path& directory, ImageExtent image_size) {
  const std::filesystem::path caches = cache_folder();
  std::error_code error;
  const std::string absolute = std::filesystem::weakly_canonical(directory, error).string();
  if (error || caches.empty()) return {};
  const uint32_t hash = crc(0, absolute.data(), absolute.size());
  const std::string folder = std::filesystem::path(absolute).filename().string();
  return caches / "images" / fmt::format("{}-{:08x}-{}", folder, hash, size_name(image_size));
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
  std::string skipped(static_cast<size_t>(header.skipped_bytes), '\0');
  if (!read_into(file, skipped.data(), skipped.size())) return {};
  if (contents_checksum(dataset, skipped) != header.contents_checksum) return {};
  dataset.num_validation = header.num_validation;
  dataset.skipped = files_of(skipped);
  return dataset;
}

bool write_cache(const std::filesystem::path& path, uint64_t fingerprint, const Dataset& dataset) {
  const std::string skipped = text_of(dataset.skipped);
  Header header;
  header.num_classes = static_cast<uint32_t>(dataset.num_classes);
  header.fingerprint = fingerprint;
  header.height = dataset.train.height;
  header.width = dataset.train.width;
  header.channels = dataset.train.channels;
  header.num_train = dataset.train.num_samples;
  header.num_validation = dataset.num_validation;
  header.num_test = dataset.test.num_samples;
  header.skipped_bytes = static_cast<int64_t>(skipped.size());
  header.contents_checksum = contents_checksum(dataset, skipped);
  header.header_checksum = header_checksum(header);
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  try {
    write_all(path, header, dataset, skipped);
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
