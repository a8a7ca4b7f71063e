#include "murmur/data/places.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <system_error>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Empty where no cache folder is known.
std::filesystem::path cached_data() {
  const std::filesystem::path folder = cache_folder();
  return folder.empty() ? folder : folder / "data";
}

}  // namespace

std::filesystem::path cache_folder() {
  const std::filesystem::path named = environment("XDG_CACHE_HOME");
  if (named.is_absolute()) return named / "murmur";
  const std::filesystem::path home = environment("HOME");
  return home.is_absolute() ? home / ".cache" / "murmur" : std::filesystem::path();
}

std::vector<std::filesystem::path> places_to_look(const std::string& name, const std::filesystem::path& directory) {
  if (!directory.empty()) return {directory / name, directory};
  std::vector<std::filesystem::path> places;
  if (std::filesystem::path root = environment("MURMUR_DATA"); !root.empty()) places = {root / name, root};
  places.emplace_back("./data-" + name);
  if (const std::filesystem::path cached = cached_data(); !cached.empty()) places.push_back(cached / name);
  for (const char* root : {"/usr/local/share/datasets", "/usr/share/datasets"}) {
    places.push_back(std::filesystem::path(root) / name);
  }
  return places;
}

std::filesystem::path place_to_put(const std::filesystem::path& directory) {
  if (!directory.empty()) return directory;
  if (std::filesystem::path root = environment("MURMUR_DATA"); !root.empty()) return root;
  std::filesystem::path cached = cached_data();
  if (!cached.empty()) return cached;
  throw DataError("data sets: expected HOME, XDG_CACHE_HOME, MURMUR_DATA or --data to say where they go, got none");
}

std::string describe_place(const std::filesystem::path& place) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(place, error);
  if (!error) return place.string();
  const bool is_missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  return fmt::format("{} ({})", place.string(), is_missing ? "no such folder" : error.message());
}

}  // namespace murmur
