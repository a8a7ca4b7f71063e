#include "murmur/data/dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "murmur/data/cifar.hpp"
#include "murmur/data/image_cache.hpp"
#include "murmur/data/image_folder.hpp"
#include "murmur/data/mnist.hpp"
#include "murmur/data/places.hpp"
#include "murmur/data/sources.hpp"
#include "murmur/data/svhn.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// One row per data set: how to recognise its files in a folder, and how to load them from there.
struct KnownDataset {
  std::string name;
  const char* files;
  bool (*is_in)(const std::filesystem::path& directory);
  Dataset (*load)(const std::string& name, const std::filesystem::path& directory, const LoadOptions& options);
  bool has_one_size = true;
};

/// A loader of a data set that leaves nothing to choose.
template <Dataset (*load)(const std::string& name, const std::filesystem::path& directory)>
Dataset without_options(const std::string& name, const std::filesystem::path& directory,
                        const LoadOptions& /*options*/) {
  return load(name, directory);
}

const std::vector<KnownDataset>& known_datasets() {
  static const std::vector<KnownDataset> known = {
      {"mnist", kMnistFiles, has_mnist_files, without_options<load_mnist_files>},
      {"fashion-mnist", kMnistFiles, has_mnist_files, without_options<load_mnist_files>},
      {"kmnist", kMnistFiles, has_mnist_files, without_options<load_mnist_files>},
      {"emnist-balanced", kEmnistBalancedFiles, has_emnist_balanced_files, without_options<load_emnist_balanced_files>},
      {"cifar10", kCifar10Files, has_cifar10_files, without_options<load_cifar10_files>},
      {"cifar100", kCifar100Files, has_cifar100_files, without_options<load_cifar100_files>},
      {"svhn", kSvhnFiles, has_svhn_files, without_options<load_svhn_files>},
      {"image-folder", kImageFolderFiles, has_image_folder, load_image_folder, false},
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

/// The command that gets it, and Debian's package where there is one.
std::string how_to_get(const KnownDataset& known, const std::filesystem::path& directory) {
  if (find_source(known.name) == nullptr) return "make one folder a class in DIR/train and in DIR/test or DIR/val";
  const std::string place = directory.empty() ? "" : fmt::format(" --data '{}'", directory.string());
  const bool is_packaged = known.name == "fashion-mnist" && directory.empty();
  return fmt::format("murmur data get {}{}{}", known.name, place,
                     is_packaged ? " (or apt-get install dataset-fashion-mnist)" : "");
}

DataError not_found(const KnownDataset& known, const std::filesystem::path& directory) {
  std::vector<std::string> looked;
  for (const auto& place : places_to_look(known.name, directory)) looked.push_back(describe_place(place));
  const char* const root = std::getenv("MURMUR_DATA");
  const bool is_unset = directory.empty() && (root == nullptr || *root == '\0');
  return DataError("dataset {}: expected {}, got none of them; looked in {}{}; to get them: {}, or name their folder{}",
                   known.name, known.files, fmt::join(looked, ", "), is_unset ? "; MURMUR_DATA is not set" : "",
                   how_to_get(known, directory), directory.empty() ? " with --data or MURMUR_DATA" : " with --data");
}

std::string describe_contents(const Dataset& dataset) {
  const Samples& train = dataset.train;
  const int64_t own = dataset.num_validation;
  const std::string trained =
      own > 0 ? fmt::format("{} + {}", train.num_samples - own, own) : fmt::format("{}", train.num_samples);
  return fmt::format("{} classes, {} + {} images of {}x{}x{}, checksum {:08x}", dataset.num_classes, trained,
                     dataset.test.num_samples, train.height, train.width, train.channels, checksum(dataset));
}

/// Where the loader does not know them, and the table of sources does.
void name_classes(Dataset& dataset) {
  const DatasetSource* const source = find_source(dataset.name);
  if (!dataset.class_names.empty() || source == nullptr) return;
  std::istringstream names(source->class_names);
  for (std::string name; std::getline(names, name, ',');) dataset.class_names.push_back(name);
}

void check_splittable(int64_t num_samples, bool train_on_all, int64_t num_validation) {
  const int64_t least = train_on_all ? 1 : std::max<int64_t>(2, num_validation + 1);
  if (num_samples < least) throw InvalidArgument("split: expected at least {} samples, got {}", least, num_samples);
}

}  // namespace

std::string list_of(const std::vector<BrokenFile>& files) {
  constexpr size_t kMostNamed = 1000;  // more are a folder of something else
  std::vector<std::string> reasons;
  for (size_t i = 0; i < std::min(files.size(), kMostNamed); ++i) reasons.push_back(files[i].reason);
  if (files.size() > kMostNamed) reasons.push_back(fmt::format("and {} more", files.size() - kMostNamed));
  return fmt::format("{}", fmt::join(reasons, "; "));
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const KnownDataset& known : known_datasets()) names.push_back(known.name);
  return names;
}

std::vector<std::string> datasets_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const KnownDataset& known : known_datasets()) {
    if (known.is_in(directory)) names.push_back(known.name);
  }
  return names;
}

std::filesystem::path find_dataset(const std::string& name, const std::filesystem::path& directory) {
  const KnownDataset& known = find_known(name);
  for (const auto& place : places_to_look(name, directory)) {
    if (known.is_in(place)) return place;
  }
  return {};
}

Dataset load_dataset(const std::string& name, const std::filesystem::path& directory, const LoadOptions& options) {
  const KnownDataset& known = find_known(name);
  if (options.image_size != ImageExtent{} && known.has_one_size) {
    throw InvalidArgument("image size: expected none for {}, whose images have one size; got {}x{}", name,
                          options.image_size.height, options.image_size.width);
  }
  const std::filesystem::path place = find_dataset(name, directory);
  if (place.empty()) throw not_found(known, directory);
  Dataset dataset = known.load(name, place, options);
  dataset.contents = describe_contents(dataset);
  name_classes(dataset);
  return dataset;
}

SampleRange training_split(int64_t num_samples, bool train_on_all, int64_t num_validation) {
  check_splittable(num_samples, train_on_all, num_validation);
  if (train_on_all) return {0, num_samples};
  return {0, num_validation > 0 ? num_samples - num_validation : num_samples * 8 / 10};
}

SampleRange validation_split(int64_t num_samples, bool train_on_all, int64_t num_validation) {
  const int64_t first = training_split(num_samples, train_on_all, num_validation).count;
  return {first, num_samples - first};
}

void keep_first(Dataset& dataset, int64_t count) {
  Samples& train = dataset.train;
  const int64_t most = train.num_samples - dataset.num_validation;
  if (count < 1 || count > most) {
    throw InvalidArgument("training images: expected from 1 to {}, the number that there are, got {}", most, count);
  }
  const auto erase = [&](std::vector<uint8_t>& values, int64_t step) {
    values.erase(values.begin() + count * step, values.begin() + most * step);
    values.shrink_to_fit();
  };
  erase(train.images, train.height * train.width * train.channels);
  erase(train.labels, 1);
  train.num_samples = count + dataset.num_validation;
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
  data.training = training_split(dataset.train.num_samples, train_on_all, dataset.num_validation);
  data.validation = validation_split(dataset.train.num_samples, train_on_all, dataset.num_validation);
  data.size = {dataset.train.height, dataset.train.width, dataset.train.channels};
  data.num_classes = dataset.num_classes;
  return data;
}

}  // namespace murmur
