#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace murmur {

/// Checks the structure of a JPEG file, from marker to marker, before a decoder sees it: segments lie inside of the
/// file, there are 1 to 256 scans and, after them, the end marker, and no Huffman table has more than its 256 codes.
/// stb_image does not check the latter (version 2.27 writes beyond its table) and fills up with grey what is cut off.
/// Throws: DataError. The message starts with `name`. Source: ITU-T T.81, annex B.
void check_jpeg(const std::string& name, std::span<const uint8_t> bytes);

}  // namespace murmur
