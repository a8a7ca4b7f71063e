#pragma once

#include <filesystem>
#include <string>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// What an image folder holds, for messages.
inline constexpr const char* kImageFolderFiles =
    "the folders train and test or val with a folder of images (.png, .jpg, .jpeg, .jpe, .jfif, .bmp) for each class";

/// Whether a folder holds a folder train, test or val.
bool has_image_folder(const std::filesystem::path& directory);

/// Reads images that lie in one folder a class, as for torchvision's ImageFolder: `train/<class>/<image>` and
/// `test/<class>/<image>`. Where there is `val/<class>/<image>` too, these are the images for validation; where there
/// is no folder test they stand in its place, and validation takes its part of train. The classes are the sorted names
/// of the folders, 2 to 256 of them, the same in all parts, none empty. Names that begin with a dot are passed over,
/// and so are files whose extension is no image's, which are counted; an image in a format that cannot be read, or a
/// folder in a class's folder, is an error.
///
/// All images get one size: the one asked for, or with {0, 0} that of the first training image by its path. They have
/// one channel where every training image is grey (the others then become grey too), else three.
///
/// Order:   paths are sorted, then put into an order drawn once and for all for that number of images. So the order
///          does not depend on the file system, and the classes are mixed: the first 80 %, which the split trains on,
///          and the rest are both samples of the whole folder.
/// Broken:  images that cannot be read are an error that names all of them (up to twenty); with skip_broken the result
///          is that of a folder without them, and `skipped` has their names.
/// Threads: decodes on all cores; nothing depends on their order.
/// Cache:   unless use_cache is false the result is kept in one file and read from there as long as every path, size,
///          time and inode stays as it was; see image_cache.hpp.
/// Throws: DataError (a part, class or image is missing or bad, and which; images that do not fit into memory).
Dataset load_image_folder(const std::string& name, const std::filesystem::path& directory, const LoadOptions& options);

}  // namespace murmur
