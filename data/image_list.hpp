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

/// The images of one part of an image folder, sorted by class, then by name.
struct ImagePart {
  std::filesystem::path folder;
  std::vector<ImageFile> files;
};

/// The files of an image folder.
struct ImageList {
  std::vector<std::string> classes;
  ImagePart train;
  ImagePart validation;  ///< no files where the folder has no such part
  ImagePart test;
  int64_t num_others = 0;            ///< files beside the images that are none
  std::vector<BrokenFile> broken{};  ///< of what is named like an image and is no file that can be looked at

  int64_t num_images() const {
    return static_cast<int64_t>(train.files.size() + validation.files.size() + test.files.size());
  }
};

/// Finds the images of directory/train, directory/test and directory/val and checks what can be known without reading
/// them. Without a folder test the images of val are those to test on. Throws: DataError (as load_image_folder).
ImageList list_images(const std::filesystem::path& directory);

/// Throws: DataError unless every class has an image in every part.
void check_classes(const ImageList& list);

/// A hash of every path (from the part's folder on), size, times and inode, of what is broken, and of how they are to
/// be loaded (FNV-1a, 64 bits).
uint64_t fingerprint(const ImageList& list, const LoadOptions& options);

}  // namespace murmur
