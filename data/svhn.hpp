#pragma once

#include <filesystem>
#include <string>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// The files of SVHN's cropped digits, for messages.
inline constexpr const char* kSvhnFiles = "train_32x32.mat, test_32x32.mat";

/// Whether a folder holds at least one of the two files.
bool has_svhn_files(const std::filesystem::path& directory);

/// Reads SVHN's cropped digits, format 2: MATLAB files with an array X [height, width, 3, N] of images and an array y
/// of N labels, 1 to 10, of which 10 is the digit 0 and gets the label 0. Ten classes. Shapes: images [N, 32, 32, 3] of
/// the official files, channels last. Throws: DataError (a file is missing or bad; other shapes, counts or labels;
/// image sizes differ). Source: Netzer et al. 2011, "Reading digits in natural images with unsupervised feature
/// learning".
Dataset load_svhn_files(const std::string& name, const std::filesystem::path& directory);

}  // namespace murmur
