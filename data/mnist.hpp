#pragma once

#include <filesystem>
#include <string>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// The four files of MNIST and of its drop-in replacements, for messages.
inline constexpr const char* kMnistFiles =
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each plain or "
    ".gz)";

/// Whether a folder holds at least one of the four files, under any of the names that load_mnist_files accepts.
bool has_mnist_files(const std::filesystem::path& directory);

/// Reads the four IDX files {train,t10k}-{images-idx3,labels-idx1}-ubyte, ten classes, one channel. A dot may stand for
/// the dash before "idx", and each may be gzip with .gz at its end; where a file is there both ways, the plain one
/// counts. Throws: DataError (a file is missing or bad; counts of images and labels differ; a label >= 10; image sizes
/// differ).
Dataset load_mnist_files(const std::string& name, const std::filesystem::path& directory);

}  // namespace murmur
