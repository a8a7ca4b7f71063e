#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace murmur {

/// An array of a MATLAB file whose values are whole numbers from 0 to 255.
struct MatArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;  ///< the first index runs fastest
};

/// Reads arrays by their names from a MATLAB file, level 5 (`save -v6` and, packed by zlib, `-v7`), little-endian.
/// Other variables of the file are passed over. Memory grows with what was read, whatever a header claims.
/// Throws: DataError (missing or unreadable; another format, as that of -v7.3; damaged or cut short; an array is
///         missing, is not numeric or has other values). The message starts with the path.
/// Source: The MathWorks, "MAT-File Format" (2020), chapter 1.
std::map<std::string, MatArray> read_mat(const std::filesystem::path& path, const std::vector<std::string>& names);

}  // namespace murmur
