#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "murmur/engine/device.hpp"
#include "murmur/engine/training_data.hpp"

namespace murmur {

/// Labelled images, in the order of their file.
struct Samples {
  int64_t num_samples = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> images;  ///< [num_samples, height, width, channels], 0..255
  std::vector<uint8_t> labels;  ///< [num_samples], each < num_classes of the data set
};

struct ImageExtent {
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const ImageExtent&) const = default;
};

/// A data set: samples to train on and samples to test on, of one image size. Neither part is empty.
struct Dataset {
  std::string name;
  int64_t num_classes = 0;
  Samples train;
  Samples test;
  std::filesystem::path directory{};  ///< where it was found
  int64_t num_others = 0;             ///< files in an image folder's classes that were passed over: no images
  std::string contents{};             ///< what it holds: classes, images, sizes and a checksum
};

/// The data sets that load_dataset knows: "mnist", "fashion-mnist", "cifar10", "cifar100", "image-folder".
std::vector<std::string> dataset_names();

/// Loads a data set by its name and checks it: as many labels as images, labels < num_classes, one image size.
/// A directory given is searched as `directory/<name>`, then directory itself, and nowhere else. With none (an empty
/// path) the usual places are, in this order: `$MURMUR_DATA/<name>`, $MURMUR_DATA, `./data-<name>`,
/// `/usr/share/datasets/<name>` (Debian's dataset-fashion-mnist). The first place that holds any file of the data set
/// must hold all of them. MNIST and Fashion-MNIST use the same file names: only a folder's name can tell them apart.
/// The images of an image folder are brought to image_size, {0, 0} being the size of the first; the other data sets
/// have one size and take no other. Throws: InvalidArgument (unknown name; an image size for a data set that has its
/// own), DataError (not found: says
///         where it looked and how to get it; bad files).
Dataset load_dataset(const std::string& name, const std::filesystem::path& directory, ImageExtent image_size = {});

/// The samples to train on: the first 80 % of the training file (rounded down), or all of it.
/// Throws: InvalidArgument (fewer than 2 samples; fewer than 1 to train on all).
SampleRange training_split(int64_t num_samples, bool train_on_all);

/// The samples to validate on: all that training_split leaves, so none with train_on_all.
/// Throws: as training_split.
SampleRange validation_split(int64_t num_samples, bool train_on_all);

/// Puts a data set on a device, with these two splits; the host's copy is given up.
/// Throws: as training_split; DeviceUnavailable, CudaError.
TrainingData training_data(Dataset dataset, Device device, bool train_on_all = false);

}  // namespace murmur
