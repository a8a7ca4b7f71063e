#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace murmur {

/// Checks the structure of a JPEG file, from marker to marker, before a decoder sees it: segments lie inside of the
/// file, there are 1 to 256 scans and, after them, the end marker, no Huffman table has more than its 256 codes, and
/// the tables of a scan come before it, and a scan for each component. stb_image does not check these (version 2.27
/// writes beyond its table, and takes what was in its memory for a table or an image) and fills up with grey what is
/// cut off. Throws: DataError. The message starts with `name`. Source: ITU-T T.81, annex B.
void check_jpeg(const std::string& name, std::span<const uint8_t> bytes);

}  // namespace murmur
