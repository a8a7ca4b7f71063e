#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// One colour image.
struct RgbImage {
  ImageExtent size;
  std::vector<uint8_t> pixels;  ///< [height, width, 3], red, green, blue, 0..255
};

/// The size that text stands for: "32" is 32 x 32, "32x48" is 32 high and 48 wide, "" is none asked for ({0, 0}).
/// Throws: InvalidArgument (not so, or a side outside of 1..4096).
ImageExtent parse_image_size(std::string_view text);

/// Decodes a PNG, JPEG or BMP file, whatever its name. Grey images get three equal channels, 16-bit values keep their
/// upper byte, alpha and Exif orientation are dropped (as torchvision's ImageFolder does).
/// Throws: DataError (missing, unreadable, empty; not such an image; damaged or cut short; more than 64 megapixels,
/// said
///         before they are decoded; more data than its header allows). The message starts with the path.
RgbImage read_image(const std::filesystem::path& path);

/// The same from a file's bytes; messages start with `name`.
RgbImage decode_image(const std::string& name, std::span<const uint8_t> bytes);

/// The size that the file's header declares. Throws: as read_image, as far as the header tells.
ImageExtent image_size(const std::string& name, std::span<const uint8_t> bytes);
ImageExtent read_image_size(const std::filesystem::path& path);

/// The image at another size: bilinear where it grows; where it shrinks the triangle is as wide as the step between the
/// output's pixels, so that every input pixel counts. Fixed point, so the same bits everywhere; an image that has the
/// size already is not touched. Shapes: size at least 1 x 1.
/// Source: the definition is that of Pillow's BILINEAR and of torchvision's Resize.
RgbImage resized(RgbImage image, ImageExtent size);

}  // namespace murmur
