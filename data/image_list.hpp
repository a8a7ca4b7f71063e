#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// An image file of an image folder and what tells whether it is still the same.
struct ImageFile {
  std::filesystem::path path;
  uint8_t label = 0;
  uint64_t num_bytes = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;  ///< the file system sets it: a copy with the old time of modification has another
  uint64_t inode = 0;
};

/// The files of an image folder, each part sorted by class, then by name.
struct ImageList {
  int64_t num_classes = 0;
  std::vector<ImageFile> train;
  std::vector<ImageFile> test;
  int64_t num_others = 0;  ///< files beside the images that are none
};

/// Finds the images of directory/train and directory/test and checks what can be known without reading them.
/// Throws: DataError (as load_image_folder).
ImageList list_images(const std::filesystem::path& directory);

/// A hash of every path (from the part's folder on), size, times and inode, and of the image size asked for (FNV-1a, 64
/// bits).
uint64_t fingerprint(const ImageList& list, ImageExtent image_size);

}  // namespace murmur
