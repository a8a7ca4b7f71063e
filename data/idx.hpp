#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace murmur {

/// The contents of an IDX file of grey images.
struct IdxImages {
  int64_t num_images = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;  ///< [num_images, height, width]
};

/// Reads an IDX file of uint8 images, plain or gzip: magic 0x00000803, three big-endian sizes, the pixels, nothing
/// else. No more memory is taken than the file holds data for, whatever its header claims. Units:  pixels 0..255.
/// Throws: DataError (missing, unreadable or not a file; empty; gzip corrupt; another magic or element type; a size of
///         zero; fewer or more bytes than the header says). The message starts with the path.
/// Source: LeCun, Cortes & Burges, The MNIST database (1998), "the IDX file format".
IdxImages read_idx_images(const std::filesystem::path& path);

/// Reads an IDX file of uint8 labels, plain or gzip: magic 0x00000801, one size. Everything else as for images.
std::vector<uint8_t> read_idx_labels(const std::filesystem::path& path);

}  // namespace murmur
