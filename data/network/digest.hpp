#pragma once

#include <filesystem>
#include <string>

namespace murmur {

/// SHA-256 of a file's bytes as they lie there, 64 hexadecimal digits.
/// Throws: DataError (unreadable; a build that cannot download).
/// Source: FIPS 180-4.
std::string sha256_of(const std::filesystem::path& path);

}  // namespace murmur
