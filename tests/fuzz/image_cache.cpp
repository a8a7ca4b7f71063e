#include "murmur/data/image_cache.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/fuzz/support.hpp"

namespace murmur::fuzz {
namespace {

// Where a cache has what no mutation finds: see the header in data/image_cache.cpp.
constexpr uint64_t kFingerprint = 0x1122334455667788;
constexpr size_t kFingerprintAt = 16;
constexpr size_t kContentsChecksumAt = 80;
constexpr size_t kHeaderChecksumAt = 84;
constexpr size_t kHeaderBytes = 88;

template <class T>
void put(std::vector<uint8_t>& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

uint32_t crc(Input bytes) {
  return static_cast<uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

std::vector<uint8_t> repaired(Input input) {
  std::vector<uint8_t> bytes(input.begin(), input.end());
  if (bytes.size() < kHeaderBytes) return bytes;
  put(bytes, kFingerprintAt, kFingerprint);
  put(bytes, kContentsChecksumAt, crc(Input(bytes).subspan(kHeaderBytes)));
  put(bytes, kHeaderChecksumAt, crc(Input(bytes).first(kHeaderChecksumAt)));
  return bytes;
}

}  // namespace

void image_cache(Input input) {
  if (input.empty()) return;
  const Input rest = input.subspan(1);
  const std::vector<uint8_t> bytes = input[0] % 2 == 1 ? repaired(rest) : std::vector(rest.begin(), rest.end());
  const InputFile file(bytes);
  const std::optional<Dataset> dataset = read_cache(file.path(), kFingerprint);
  if (!dataset) return;
  require(dataset->num_validation < dataset->train.num_samples, "samples to train on");
  for (const Samples* samples : {&dataset->train, &dataset->test}) {
    const int64_t num_bytes = samples->num_samples * samples->height * samples->width * samples->channels;
    require(static_cast<int64_t>(samples->images.size()) == num_bytes, "images of their size");
    require(static_cast<int64_t>(samples->labels.size()) == samples->num_samples, "a label for each image");
    require(*std::ranges::max_element(samples->labels) < dataset->num_classes, "labels within the classes");
  }
}

}  // namespace murmur::fuzz
