#include "murmur/data/svhn.hpp"

#include <fmt/ranges.h>

#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include "murmur/data/mat.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr int64_t kNumClasses = 10;
constexpr int64_t kChannels = 3;
constexpr const char* kTrainFile = "train_32x32.mat";
constexpr const char* kTestFile = "test_32x32.mat";

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;  // a place that cannot be looked at has no files for us
  return std::filesystem::is_regular_file(path, ignored);
}

/// [height, width, channels, N]; MATLAB drops a last size of one.
std::vector<int64_t> image_shape(const std::string& path, const MatArray& images) {
  std::vector<int64_t> shape = images.shape;
  if (shape.size() == 3) shape.push_back(1);
  if (shape.size() != 4 || shape[2] != kChannels) {
    throw DataError("{}: expected X to be [height, width, 3, N], got [{}]", path, fmt::join(images.shape, ", "));
  }
  return shape;
}

/// output[n, y, x, c] = input[y, x, c, n], where the first index of the input and the last one of the output run
/// fastest.
std::vector<uint8_t> to_samples(const std::vector<uint8_t>& input, const std::vector<int64_t>& shape) {
  std::vector<uint8_t> output(input.size());
  const auto height = static_cast<size_t>(shape[0]);
  const auto width = static_cast<size_t>(shape[1]);
  const size_t plane = height * width;
  const size_t num_planes = input.size() / plane;
  for (size_t p = 0; p < num_planes; ++p) {
    const uint8_t* const from = input.data() + p * plane;
    uint8_t* const to = output.data() + p / kChannels * plane * kChannels + p % kChannels;
    for (size_t x = 0; x < width; ++x) {
      for (size_t y = 0; y < height; ++y) to[(y * width + x) * kChannels] = from[x * height + y];
    }
  }
  return output;
}

Samples load_part(const std::filesystem::path& directory, const char* file) {
  const std::filesystem::path path = directory / file;
  const std::string name = path.string();
  if (!is_file(path)) throw DataError("{}: expected the file {}, got none", directory.string(), file);
  auto arrays = read_mat(path, {"X", "y"});
  const MatArray& images = arrays.at("X");
  const std::vector<int64_t> shape = image_shape(name, images);
  std::vector<uint8_t> labels = std::move(arrays.at("y").values);
  if (static_cast<int64_t>(labels.size()) != shape[3]) {
    throw DataError("{}: expected {} labels in y, one for each image in X, got {}", name, shape[3], labels.size());
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 1 || labels[i] > kNumClasses) {
      throw DataError("{}: expected labels from 1 to {}, got {} for image {}", name, kNumClasses, labels[i], i);
    }
    labels[i] %= kNumClasses;
  }
  return {shape[3], shape[0], shape[1], kChannels, to_samples(images.values, shape), std::move(labels)};
}

}  // namespace

bool has_svhn_files(const std::filesystem::path& directory) {
  return is_file(directory / kTrainFile) || is_file(directory / kTestFile);
}

Dataset load_svhn_files(const std::string& name, const std::filesystem::path& directory) {
  Dataset dataset{name, kNumClasses, load_part(directory, kTrainFile), load_part(directory, kTestFile), directory};
  const Samples& train = dataset.train;
  const Samples& test = dataset.test;
  if (train.height != test.height || train.width != test.width) {
    throw DataError("{}: expected test images of {}x{} as in the training file, got {}x{}", directory.string(),
                    train.height, train.width, test.height, test.width);
  }
  return dataset;
}

}  // namespace murmur
