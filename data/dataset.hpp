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

/// An image file that cannot be read.
struct BrokenFile {
  std::string path;
  std::string reason;  ///< in words, the path in front of it
};

/// Their reasons, "; " between them; of more than twenty the first and how many more there are.
std::string list_of(const std::vector<BrokenFile>& files);

/// A data set: samples to train on and samples to test on, of one image size. Neither part is empty.
struct Dataset {
  std::string name;
  int64_t num_classes = 0;
  Samples train;
  Samples test;
  std::filesystem::path directory{};  ///< where it was found
  int64_t num_others = 0;             ///< files in an image folder's classes that were passed over: no images
  std::string contents{};             ///< what it holds: classes, images, sizes and a checksum
  int64_t num_validation = 0;         ///< the last of `train` that are there for validation; 0: nothing says which are
  std::vector<std::string> class_names{};  ///< in the order of the labels; empty: not known
  std::vector<BrokenFile> skipped{};       ///< left out, as LoadOptions::skip_broken asks for it
};

/// How a data set is loaded. What says nothing of it here is for image folders alone.
struct LoadOptions {
  ImageExtent image_size{};  ///< to which images are brought; {0, 0}: the size of the first
  bool skip_broken = false;  ///< images that cannot be read are left out, and named; else they are an error
  bool use_cache = true;     ///< decoded images are kept in a file for the next time
};

/// The data sets that load_dataset knows: "mnist", "fashion-mnist", "kmnist", "emnist-balanced", "cifar10", "cifar100",
/// "svhn", "image-folder".
std::vector<std::string> dataset_names();

/// The data sets of which a folder holds at least one file; more than one where they have the same file names.
std::vector<std::string> datasets_in(const std::filesystem::path& directory);

/// The first of the places in which load_dataset looks that has a file of the data set; empty: none.
/// Throws: InvalidArgument (unknown name).
std::filesystem::path find_dataset(const std::string& name, const std::filesystem::path& directory);

/// Loads a data set by its name and checks it: as many labels as images, labels < num_classes, one image size.
/// A directory given is searched as `directory/<name>`, then directory itself, and nowhere else. With none (an empty
/// path) the usual places are, in this order: `$MURMUR_DATA/<name>`, $MURMUR_DATA, `./data-<name>`, what `download` has
/// put into the user's cache, `/usr/local/share/datasets/<name>`, `/usr/share/datasets/<name>` (Debian's
/// dataset-fashion-mnist). The first place that holds any file of the data set must hold all of them. MNIST,
/// Fashion-MNIST and KMNIST use the same file names: only a folder's name can tell them apart.
/// Throws: InvalidArgument (unknown name; an image size for a data set that has its own), DataError (not found: says
///         where it looked and which command gets it; bad files).
Dataset load_dataset(const std::string& name, const std::filesystem::path& directory, const LoadOptions& options = {});

/// The samples to train on: all but the last num_validation, where a data set has such a part, else the first 80 %
/// (rounded down); with train_on_all all of them.
/// Throws: InvalidArgument (fewer than 2 samples; fewer than 1 to train on all; nothing left to train on).
SampleRange training_split(int64_t num_samples, bool train_on_all, int64_t num_validation = 0);

/// The samples to validate on: all that training_split leaves, so none with train_on_all.
/// Throws: as training_split.
SampleRange validation_split(int64_t num_samples, bool train_on_all, int64_t num_validation = 0);

/// Leaves only the first images of those to train on, and those for validation where the data set has such a part.
/// Throws: InvalidArgument (fewer than 1 or more than there are).
void keep_first(Dataset& dataset, int64_t count);

/// Puts a data set on a device, with these two splits; the host's copy is given up.
/// Throws: as training_split; DeviceUnavailable, CudaError.
TrainingData training_data(Dataset dataset, Device device, bool train_on_all = false);

}  // namespace murmur
