#include "murmur/data/dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "murmur/data/cifar.hpp"
#include "murmur/data/image_cache.hpp"
#include "murmur/data/image_folder.hpp"
#include "murmur/data/mnist.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// One row per data set: how to recognise its files in a folder, and how to load them from there.
struct KnownDataset {
  std::string name;
  const char* files;
  bool (*is_in)(const std::filesystem::path& directory);
  Dataset (*load)(const std::string& name, const std::filesystem::path& directory);
  const char* how_to_get;
  Dataset (*load_resized)(const std::string& name, const std::filesystem::path& directory, ImageExtent size) = nullptr;
};

const std::vector<KnownDataset>& known_datasets() {
  static const std::vector<KnownDataset> known = {
      {"mnist", kMnistFiles, has_mnist_files, load_mnist_files,
       "download the four files from https://storage.googleapis.com/cvdf-datasets/mnist/"},
      {"fashion-mnist", kMnistFiles, has_mnist_files, load_mnist_files, "apt-get install dataset-fashion-mnist"},
      {"cifar10", kCifar10Files, has_cifar10_files, load_cifar10_files,
       "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
      {"cifar100", kCifar100Files, has_cifar100_files, load_cifar100_files,
       "unpack https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"},
      {"image-folder", kImageFolderFiles, has_image_folder,
       [](const auto& name, const auto& directory) { return load_image_folder(name, directory, {}); },
       "make one folder a class in DIR/train and in DIR/test", load_image_folder},
  };
  return known;
}

const KnownDataset& find_known(const std::string& name) {
  const auto& known = known_datasets();
  const auto row = std::find_if(known.begin(), known.end(), [&](const KnownDataset& k) { return k.name == name; });
  if (row == known.end()) {
    throw InvalidArgument("dataset: expected one of {}, got '{}'", fmt::join(dataset_names(), ", "), name);
  }
  return *row;
}

std::string murmur_data() {
  const char* value = std::getenv("MURMUR_DATA");
  return value == nullptr ? "" : value;
}

std::vector<std::filesystem::path> places_to_look(const std::string& name, const std::filesystem::path& directory) {
  if (!directory.empty()) return {directory / name, directory};
  std::vector<std::filesystem::path> places;
  if (const std::filesystem::path root = murmur_data(); !root.empty()) places = {root / name, root};
  places.emplace_back("./data-" + name);
  places.push_back(std::filesystem::path("/usr/share/datasets") / name);
  return places;
}

/// "DIR", and why nothing can be found there where that is known.
std::string describe_place(const std::filesystem::path& place) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(place, error);
  if (!error) return place.string();
  const bool is_missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  return fmt::format("{} ({})", place.string(), is_missing ? "no such folder" : error.message());
}

DataError not_found(const KnownDataset& known, const std::vector<std::filesystem::path>& places, bool searched) {
  std::vector<std::string> looked;
  for (const auto& place : places) looked.push_back(describe_place(place));
  const bool is_unset = searched && murmur_data().empty();
  return DataError("dataset {}: expected {}, got none of them; looked in {}{}; to get them: {}, or name their folder{}",
                   known.name, known.files, fmt::join(looked, ", "), is_unset ? "; MURMUR_DATA is not set" : "",
                   known.how_to_get, searched ? " with --data or MURMUR_DATA" : " with --data");
}

std::string describe_contents(const Dataset& dataset) {
  const Samples& train = dataset.train;
  return fmt::format("{} classes, {} + {} images of {}x{}x{}, checksum {:08x}", dataset.num_classes, train.num_samples,
                     dataset.test.num_samples, train.height, train.width, train.channels, checksum(dataset));
}

void check_splittable(int64_t num_samples, bool train_on_all) {
  const int64_t least = train_on_all ? 1 : 2;
  if (num_samples < least) throw InvalidArgument("split: expected at least {} samples, got {}", least, num_samples);
}

}  // namespace

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const KnownDataset& known : known_datasets()) names.push_back(known.name);
  return names;
}

Dataset load_dataset(const std::string& name, const std::filesystem::path& directory, ImageExtent image_size) {
  const KnownDataset& known = find_known(name);
  const bool is_resized = image_size != ImageExtent{};
  if (is_resized && known.load_resized == nullptr) {
    throw InvalidArgument("image size: expected none for {}, whose images have one size; got {}x{}", name,
                          image_size.height, image_size.width);
  }
  const auto places = places_to_look(name, directory);
  for (const auto& place : places) {
    if (!known.is_in(place)) continue;
    Dataset dataset = is_resized ? known.load_resized(name, place, image_size) : known.load(name, place);
    dataset.contents = describe_contents(dataset);
    return dataset;
  }
  throw not_found(known, places, directory.empty());
}

SampleRange training_split(int64_t num_samples, bool train_on_all) {
  check_splittable(num_samples, train_on_all);
  return {0, train_on_all ? num_samples : num_samples * 8 / 10};
}

SampleRange validation_split(int64_t num_samples, bool train_on_all) {
  const int64_t first = training_split(num_samples, train_on_all).count;
  return {first, num_samples - first};
}

TrainingData training_data(Dataset dataset, Device device, bool train_on_all) {
  const auto images = [device](const Samples& samples) {
    return Tensor::from<uint8_t>(samples.images,
                                 {samples.num_samples, samples.height * samples.width * samples.channels}, device);
  };
  const auto labels = [device](const Samples& samples) {
    return Tensor::from<uint8_t>(samples.labels, {samples.num_samples}, device);
  };
  TrainingData data;
  data.train_images = images(dataset.train);
  data.train_labels = labels(dataset.train);
  data.test_images = images(dataset.test);
  data.test_labels = labels(dataset.test);
  data.training = training_split(dataset.train.num_samples, train_on_all);
  data.validation = validation_split(dataset.train.num_samples, train_on_all);
  data.size = {dataset.train.height, dataset.train.width, dataset.train.channels};
  data.num_classes = dataset.num_classes;
  return data;
}

}  // namespace murmur
