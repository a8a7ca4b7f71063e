#pragma once

#include <filesystem>
#include <string>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// The files of CIFAR's binary versions, for messages.
inline constexpr const char* kCifar10Files =
    "data_batch_1.bin to data_batch_5.bin, test_batch.bin (each plain or .gz, also in cifar-10-batches-bin)";
inline constexpr const char* kCifar100Files = "train.bin, test.bin (each plain or .gz, also in cifar-100-binary)";

/// Whether a folder, or the folder in it that the archive unpacks to, holds at least one of the files.
bool has_cifar10_files(const std::filesystem::path& directory);
bool has_cifar100_files(const std::filesystem::path& directory);

/// Reads the binary version of CIFAR-10: ten classes; the training samples are those of data_batch_1.bin to
/// data_batch_5.bin in this order. A file is a row of records, each a label and 32 x 32 red, green, blue values plane
/// by plane; any number of them, the same in all five: a subset is a data set too, a file cut short is none. Where a
/// file is there both plain and as .gz, the plain one counts. Shapes: images [N, 32, 32, 3], channels last.
/// Throws: DataError (a file is missing, not a whole number of records or not as many as the first, or has a label >=
///         10).
/// Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; the layout from its home page.
Dataset load_cifar10_files(const std::string& name, const std::filesystem::path& directory);

/// Reads the binary version of CIFAR-100: a hundred classes, the fine labels. A record has a coarse label (< 20, which
/// is checked and dropped), a fine one, and the image. Everything else as for CIFAR-10.
Dataset load_cifar100_files(const std::string& name, const std::filesystem::path& directory);

}  // namespace murmur
