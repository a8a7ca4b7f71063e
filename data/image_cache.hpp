#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// A cache of decoded images is one file: a header (magic, version, sizes, the folder's fingerprint, checksums), then
/// train images, train labels, test images, test labels, and the names of what was left out. It is believed only if it
/// has exactly the size that its header says, the fingerprint is the folder's, and header and contents have their
/// checksums; else the images are decoded again and the file is replaced. It can be deleted at any time.

/// Where the cache of an image folder is: a file in `<cache folder>/images` named after the folder, its absolute path
/// and the image size. Nothing is written into the user's own folder. Empty where no cache folder is known.
std::filesystem::path cache_path(const std::filesystem::path& directory, ImageExtent image_size);

/// The data set in a cache; none where there is no file, or one that is of another folder or state, or damaged.
std::optional<Dataset> read_cache(const std::filesystem::path& path, uint64_t fingerprint);

/// Writes a cache whole or not at all: under another name first. False where it cannot be written.
bool write_cache(const std::filesystem::path& path, uint64_t fingerprint, const Dataset& dataset);

/// CRC-32 of the images and labels of both parts.
uint32_t checksum(const Dataset& dataset);

}  // namespace murmur
