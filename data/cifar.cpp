#include "murmur/data/cifar.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "murmur/data/byte_stream.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr size_t kSide = 32;
constexpr size_t kChannels = 3;
constexpr size_t kPlaneBytes = kSide * kSide;
constexpr size_t kImageBytes = kPlaneBytes * kChannels;
constexpr int64_t kMaxFileBytes = int64_t{1} << 30;

struct LabelByte {
  const char* name;
  int num_classes;
};

/// One of the two data sets: its files and what its records start with. The last label is the one that counts.
struct Cifar {
  const char* subfolder;
  std::vector<std::string> train_files;
  std::string test_file;
  std::vector<LabelByte> labels;
};

const Cifar& cifar10() {
  static const Cifar cifar{
      "cifar-10-batches-bin",
      {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
      "test_batch.bin",
      {{"labels", 10}}};
  return cifar;
}

const Cifar& cifar100() {
  static const Cifar cifar{
      "cifar-100-binary", {"train.bin"}, "test.bin", {{"coarse labels", 20}, {"fine labels", 100}}};
  return cifar;
}

/// The file's path in a folder, empty where it is under none of its names.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& file) {
  for (const std::string& candidate : {file, file + ".gz"}) {
    std::error_code ignored;  // a place that cannot be looked at has no files for us
    if (std::filesystem::is_regular_file(folder / candidate, ignored)) return folder / candidate;
  }
  return {};
}

bool holds_any(const Cifar& cifar, const std::filesystem::path& folder) {
  const auto is_there = [&](const std::string& file) { return !find_file(folder, file).empty(); };
  return is_there(cifar.test_file) || std::any_of(cifar.train_files.begin(), cifar.train_files.end(), is_there);
}

/// The folder of the files: the one given or the archive's own in it; empty where neither has any.
std::filesystem::path find_folder(const Cifar& cifar, const std::filesystem::path& directory) {
  for (const auto& folder : {directory, directory / cifar.subfolder}) {
    if (holds_any(cifar, folder)) return folder;
  }
  return {};
}

/// output[pixel, channel] = planes[channel, pixel]
void to_channels_last(std::span<const uint8_t> planes, std::span<uint8_t> output) {
  for (size_t pixel = 0; pixel < kPlaneBytes; ++pixel) {
    for (size_t channel = 0; channel < kChannels; ++channel) {
      output[pixel * kChannels + channel] = planes[channel * kPlaneBytes + pixel];
    }
  }
}

void check_labels(const Cifar& cifar, const std::filesystem::path& path, std::span<const uint8_t> record,
                  size_t image) {
  for (size_t k = 0; k < cifar.labels.size(); ++k) {
    const auto [name, num_classes] = cifar.labels[k];
    if (record[k] >= num_classes) {
      throw DataError("{}: expected {} from 0 to {}, got {} for image {}", path.string(), name, num_classes - 1,
                      record[k], image);
    }
  }
}

/// Returns the number of images added.
size_t append_file(const Cifar& cifar, const std::filesystem::path& folder, const std::string& file, Samples& samples) {
  const std::filesystem::path path = find_file(folder, file);
  if (path.empty()) throw DataError("{}: expected the file {} (plain or .gz), got none", folder.string(), file);
  const std::vector<uint8_t> bytes = read_bytes(path, kMaxFileBytes);
  const size_t record_bytes = cifar.labels.size() + kImageBytes;
  const size_t num_records = bytes.size() / record_bytes;
  if (num_records == 0 || bytes.size() % record_bytes != 0) {
    throw DataError("{}: expected whole records of {} bytes, got {} bytes ({} records and {} bytes): file truncated?",
                    path.string(), record_bytes, bytes.size(), num_records, bytes.size() % record_bytes);
  }
  const size_t before = samples.images.size();
  samples.images.resize(before + num_records * kImageBytes);
  for (size_t i = 0; i < num_records; ++i) {
    const auto record = std::span(bytes).subspan(i * record_bytes, record_bytes);
    check_labels(cifar, path, record, i);
    samples.labels.push_back(record[cifar.labels.size() - 1]);
    to_channels_last(record.subspan(cifar.labels.size()),
                     std::span(samples.images).subspan(before + i * kImageBytes, kImageBytes));
  }
  samples.num_samples += static_cast<int64_t>(num_records);
  return num_records;
}

Dataset load(const Cifar& cifar, const std::string& name, const std::filesystem::path& directory) {
  std::filesystem::path folder = find_folder(cifar, directory);
  if (folder.empty()) folder = directory;  // which then lacks the first file
  const Samples none{0, kSide, kSide, kChannels, {}, {}};
  Dataset dataset{name, cifar.labels.back().num_classes, none, none};
  size_t batch_records = 0;
  for (const std::string& file : cifar.train_files) {
    const size_t num_records = append_file(cifar, folder, file, dataset.train);
    if (batch_records == 0) batch_records = num_records;
    if (num_records != batch_records) {
      throw DataError("{}: expected {} records as in {}, got {}: file truncated?", find_file(folder, file).string(),
                      batch_records, cifar.train_files.front(), num_records);
    }
  }
  append_file(cifar, folder, cifar.test_file, dataset.test);
  dataset.directory = std::move(folder);
  return dataset;
}

}  // namespace

bool has_cifar10_files(const std::filesystem::path& directory) {
  return !find_folder(cifar10(), directory).empty();
}

bool has_cifar100_files(const std::filesystem::path& directory) {
  return !find_folder(cifar100(), directory).empty();
}

Dataset load_cifar10_files(const std::string& name, const std::filesystem::path& directory) {
  return load(cifar10(), name, directory);
}

Dataset load_cifar100_files(const std::string& name, const std::filesystem::path& directory) {
  return load(cifar100(), name, directory);
}

}  // namespace murmur
