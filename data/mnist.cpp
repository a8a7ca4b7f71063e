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

/// A data set of four IDX files: what their names begin with, and what is in them.
struct IdxSet {
  std::string train;
  std::string test;
  int64_t num_classes = 10;
  bool is_transposed = false;
  std::string subfolder{};  // in which its archive has them
};

const IdxSet& mnist() {
  static const IdxSet set{"train", "t10k"};
  return set;
}

const IdxSet& emnist_balanced() {
  static const IdxSet set{"emnist-balanced-train", "emnist-balanced-test", 47, true, "gzip"};
  return set;
}

/// One of the four files: part is what its name begins with, kind "images" or "labels".
struct IdxFile {
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

bool holds_any(const IdxSet& set, const std::filesystem::path& folder) {
  for (const std::string& part : {set.train, set.test}) {
    for (const char* kind : {"images", "labels"}) {
      if (!IdxFile{part, kind}.find(folder).empty()) return true;
    }
  }
  return false;
}

/// The folder of the files: the one given or the archive's own in it; empty where neither has any.
std::filesystem::path find_folder(const IdxSet& set, const std::filesystem::path& directory) {
  if (holds_any(set, directory)) return directory;
  const bool has_subfolder = !set.subfolder.empty() && holds_any(set, directory / set.subfolder);
  return has_subfolder ? directory / set.subfolder : std::filesystem::path();
}

/// images[n, x, y] becomes images[n, y, x].
void transpose(IdxImages& images) {
  std::vector<uint8_t> upright(images.pixels.size());
  const auto height = static_cast<size_t>(images.height);
  const auto width = static_cast<size_t>(images.width);
  for (size_t first = 0; first < upright.size(); first += height * width) {
    for (size_t i = 0; i < height; ++i) {
      for (size_t j = 0; j < width; ++j) upright[first + j * height + i] = images.pixels[first + i * width + j];
    }
  }
  images.pixels = std::move(upright);
  std::swap(images.height, images.width);
}

Samples load_part(const IdxSet& set, const std::string& part, const std::filesystem::path& directory) {
  const auto images_path = IdxFile{part, "images"}.require(directory);
  const auto labels_path = IdxFile{part, "labels"}.require(directory);
  IdxImages images = read_idx_images(images_path);
  std::vector<uint8_t> labels = read_idx_labels(labels_path);
  if (static_cast<int64_t>(labels.size()) != images.num_images) {
    throw DataError("{}: expected {} labels, one for each image in {}, got {}", labels_path.string(), images.num_images,
                    images_path.string(), labels.size());
  }
  const auto bad = std::find_if(labels.begin(), labels.end(), [&](uint8_t label) { return label >= set.num_classes; });
  if (bad != labels.end()) {
    throw DataError("{}: expected labels from 0 to {}, got {} for image {}", labels_path.string(), set.num_classes - 1,
                    *bad, bad - labels.begin());
  }
  if (set.is_transposed) transpose(images);
  return {images.num_images, images.height, images.width, 1, std::move(images.pixels), std::move(labels)};
}

Dataset load(const IdxSet& set, const std::string& name, const std::filesystem::path& directory) {
  std::filesystem::path folder = find_folder(set, directory);
  if (folder.empty()) folder = directory;  // which then lacks the first file
  Dataset dataset{name, set.num_classes, load_part(set, set.train, folder), load_part(set, set.test, folder)};
  const Samples& train = dataset.train;
  const Samples& test = dataset.test;
  if (train.height != test.height || train.width != test.width) {
    throw DataError("{}: expected test images of {}x{} as in the training file, got {}x{}", folder.string(),
                    train.height, train.width, test.height, test.width);
  }
  dataset.directory = std::move(folder);
  return dataset;
}

}  // namespace

bool has_mnist_files(const std::filesystem::path& directory) {
  return !find_folder(mnist(), directory).empty();
}

bool has_emnist_balanced_files(const std::filesystem::path& directory) {
  return !find_folder(emnist_balanced(), directory).empty();
}

Dataset load_mnist_files(const std::string& name, const std::filesystem::path& directory) {
  return load(mnist(), name, directory);
}

Dataset load_emnist_balanced_files(const std::string& name, const std::filesystem::path& directory) {
  return load(emnist_balanced(), name, directory);
}

}  // namespace murmur
