#pragma once

#include <filesystem>
#include <string>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// The four files of MNIST and of its drop-in replacements, for messages.
inline constexpr const char* kMnistFiles =
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each plain or "
    ".gz)";
inline constexpr const char* kEmnistBalancedFiles =
    "emnist-balanced-train-images-idx3-ubyte, -train-labels-idx1-ubyte, -test-images-idx3-ubyte and "
    "-test-labels-idx1-ubyte (each plain or .gz, also in gzip)";

/// Whether a folder holds at least one of the four files, under any of the names that the loaders accept.
bool has_mnist_files(const std::filesystem::path& directory);
bool has_emnist_balanced_files(const std::filesystem::path& directory);

/// Reads the four IDX files {train,t10k}-{images-idx3,labels-idx1}-ubyte, ten classes, one channel. A dot may stand for
/// the dash before "idx", and each may be gzip with .gz at its end; where a file is there both ways, the plain one
/// counts. Throws: DataError (a file is missing or bad; counts of images and labels differ; a label >= 10; image sizes
/// differ).
Dataset load_mnist_files(const std::string& name, const std::filesystem::path& directory);

/// Reads emnist-balanced-{train,test}-{images-idx3,labels-idx1}-ubyte in the same way, from the folder or from the one
/// in it that the archive unpacks to: 47 classes. The published images have rows and columns exchanged, as MATLAB had
/// them; here they stand upright. Source: Cohen et al. 2017, "EMNIST: an extension of MNIST to handwritten letters".
Dataset load_emnist_balanced_files(const std::string& name, const std::filesystem::path& directory);

}  // namespace murmur
