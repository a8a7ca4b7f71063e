#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace murmur {

/// This program's folder for what can be had again: $XDG_CACHE_HOME/murmur or ~/.cache/murmur; empty where the
/// environment names neither.
std::filesystem::path cache_folder();

/// The folders in which a data set may be, in the order in which they are looked at. With a directory given:
/// `directory/<name>`, then directory itself. Else `$MURMUR_DATA/<name>`, $MURMUR_DATA, `./data-<name>`,
/// `<cache folder>/data/<name>`, `/usr/local/share/datasets/<name>` and `/usr/share/datasets/<name>` (Debian's
/// dataset-fashion-mnist).
std::vector<std::filesystem::path> places_to_look(const std::string& name, const std::filesystem::path& directory);

/// The folder in which a downloaded data set gets a folder of its name: the directory given, $MURMUR_DATA or
/// `<cache folder>/data`. All of them are looked at. Throws: DataError (the environment names none).
std::filesystem::path place_to_put(const std::filesystem::path& directory);

/// "DIR", and why nothing can be found there where that is known.
std::string describe_place(const std::filesystem::path& place);

}  // namespace murmur
