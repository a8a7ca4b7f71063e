#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace murmur {

/// Unpacks files of an archive (tar or zip, packed in any of the usual ways) into a folder, each under the last part of
/// its name: nothing else of the archive is written, wherever its names lead. A file appears whole or not at all.
/// Throws: DataError (not an archive, damaged, a file is missing or no file; a file cannot be written; a build that
///         cannot download).
void unpack(const std::filesystem::path& path, const std::vector<std::string>& members,
            const std::filesystem::path& folder);

}  // namespace murmur
