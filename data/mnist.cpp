#include "murmur/data/mnist.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <system_error>
#include <utility>

#include "murmur/data/idx.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kNumClasses = 10;

/// One of the four files: part is "train" or "t10k", kind "images" or "labels".
struct MnistFile {
  std::string part;
  std::string kind;

  std::string name(const char* separator = "-") const {
    return part + "-" + kind + separator + (kind == "images" ? "idx3" : "idx1") + "-ubyte";
  }

  /// Its path in a folder, empty where it is under none of its names.
  std::filesystem::path find(const std::filesystem::path& directory) const {
    const std::array<std::string, 4> names = {name("-"), name("."), name("-") + ".gz", name(".") + ".gz"};
    for (const std::string& candidate : names) {
      std::error_code ignored;  // a place that cannot be looked at has no files for us
      if (std::filesystem::is_regular_file(directory / candidate, ignored)) return directory / candidate;
    }
    return {};
  }

  std::filesystem::path require(const std::filesystem::path& directory) const {
    std::filesystem::path path = find(directory);
    if (path.empty()) throw DataError("{}: expected the file {} (plain or .gz), got none", directory.string(), name());
    return path;
  }
};

Samples load_part(const std::string& part, const std::filesystem::path& directory) {
  const auto images_path = MnistFile{part, "images"}.require(directory);
  const auto labels_path = MnistFile{part, "labels"}.require(directory);
  IdxImages images = read_idx_images(images_path);
  std::vector<uint8_t> labels = read_idx_labels(labels_path);
  if (static_cast<int64_t>(labels.size()) != images.num_images) {
    throw DataError("{}: expected {} labels, one for each image in {}, got {}", labels_path.string(), images.num_images,
                    images_path.string(), labels.size());
  }
  const auto bad = std::find_if(labels.begin(), labels.end(), [](uint8_t label) { return label >= kNumClasses; });
  if (bad != labels.end()) {
    throw DataError("{}: expected labels from 0 to {}, got {} for image {}", labels_path.string(), kNumClasses - 1,
                    *bad, bad - labels.begin());
  }
  return {images.num_images, images.height, images.width, 1, std::move(images.pixels), std::move(labels)};
}

}  // namespace

bool has_mnist_files(const std::filesystem::path& directory) {
  for (const char* part : {"train", "t10k"}) {
    for (const char* kind : {"images", "labels"}) {
      if (!MnistFile{part, kind}.find(directory).empty()) return true;
    }
  }
  return false;
}

Dataset load_mnist_files(const std::string& name, const std::filesystem::path& directory) {
  Dataset dataset{name, kNumClasses, load_part("train", directory), load_part("t10k", directory), directory};
  const Samples& train = dataset.train;
  const Samples& test = dataset.test;
  if (train.height != test.height || train.width != test.width) {
    throw DataError("{}: expected test images of {}x{} as in the training file, got {}x{}", directory.string(),
                    train.height, train.width, test.height, test.width);
  }
  return dataset;
}

}  // namespace murmur
