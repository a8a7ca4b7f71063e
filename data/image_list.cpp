#include "murmur/data/image_list.hpp"

#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr size_t kMaxClasses = 256;  // labels are bytes
constexpr std::array<std::string_view, 6> kReadable = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp"};
constexpr std::array<std::string_view, 11> kOtherImages = {".gif", ".webp", ".tif",  ".tiff", ".ppm", ".pgm",
                                                           ".pbm", ".jp2",  ".heic", ".avif", ".jxl"};

DataError unreadable(const std::filesystem::path& path, const char* expected, const std::error_code& error) {
  return DataError("{}: expected {}, got an error: {}", path.string(), expected, error.message());
}

/// A folder's entries that are not hidden, sorted by their names' bytes.
std::vector<std::filesystem::directory_entry> entries_of(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::directory_entry> entries;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) entries.push_back(*entry);
  }
  if (error) throw unreadable(folder, "a readable folder", error);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.path().filename().native() < b.path().filename().native(); });
  return entries;
}

bool is_folder(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  const bool result =
      entry.is_directory(error);  // follows links, so it fails on those that lead nowhere or in a circle
  if (error) throw unreadable(entry.path(), "a file or a folder", error);
  return result;
}

std::string extension_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

template <size_t size>
bool is_one_of(const std::array<std::string_view, size>& extensions, const std::string& extension) {
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

std::vector<std::string> classes_of(const std::filesystem::path& part) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(part, ignored)) {
    throw DataError("{}: expected a folder with one folder of images for each class, got none", part.string());
  }
  std::vector<std::string> classes;
  for (const auto& entry : entries_of(part)) {
    if (is_folder(entry)) classes.push_back(entry.path().filename().string());
  }
  return classes;
}

void check_same_classes(const std::filesystem::path& part, const std::vector<std::string>& expected,
                        const std::vector<std::string>& got) {
  for (const std::string& name : expected) {
    if (!std::binary_search(got.begin(), got.end(), name)) {
      throw DataError("{}: expected the {} classes of train, got {}: no '{}'", part.string(), expected.size(),
                      got.size(), name);
    }
  }
  for (const std::string& name : got) {
    if (!std::binary_search(expected.begin(), expected.end(), name)) {
      throw DataError("{}: expected the {} classes of train, got {}: '{}' is not in train", part.string(),
                      expected.size(), got.size(), name);
    }
  }
}

/// Whether a file in a class's folder is an image. Throws where passing it over would lose images in silence.
bool is_image(const std::filesystem::directory_entry& entry) {
  const std::string extension = extension_of(entry.path());
  if (is_one_of(kOtherImages, extension)) {
    throw DataError("{}: expected images in the formats PNG, JPEG or BMP, got '{}'", entry.path().string(), extension);
  }
  return is_one_of(kReadable, extension);
}

/// Throws: DataError (no file, or one that cannot be looked at).
ImageFile describe(const std::filesystem::directory_entry& entry, uint8_t label) {
  struct stat status {};
  if (stat(entry.path().c_str(), &status) != 0) {
    throw unreadable(entry.path(), "a file or a folder", {errno, std::generic_category()});
  }
  if (!S_ISREG(status.st_mode)) throw DataError("{}: expected a regular file", entry.path().string());
  const auto nanoseconds = [](const timespec& time) { return time.tv_sec * int64_t{1000000000} + time.tv_nsec; };
  return {entry.path(),
          label,
          static_cast<uint64_t>(status.st_size),
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim),
          status.st_ino};
}

/// The images of one part, in the folders of the list's classes. A link that leads nowhere is broken, and no folder.
ImagePart list_part(const std::filesystem::path& folder, ImageList& list) {
  ImagePart part{folder, {}};
  for (size_t label = 0; label < list.classes.size(); ++label) {
    for (const auto& entry : entries_of(folder / list.classes[label])) {
      std::error_code ignored;
      if (entry.is_directory(ignored)) {
        throw DataError("{}: expected image files in a class's folder, got a folder", entry.path().string());
      }
      if (!is_image(entry)) {
        ++list.num_others;
        continue;
      }
      try {
        part.files.push_back(describe(entry, static_cast<uint8_t>(label)));
      } catch (const DataError& error) {
        list.broken.push_back({entry.path().string(), error.what()});
      }
    }
  }
  return part;
}

bool has_part(const std::filesystem::path& directory, const char* part) {
  std::error_code ignored;
  return std::filesystem::is_directory(directory / part, ignored);
}

void check_part(const ImagePart& part, const std::vector<std::string>& classes) {
  std::vector<bool> has_images(classes.size());
  for (const ImageFile& file : part.files) has_images[file.label] = true;
  const auto none = std::find(has_images.begin(), has_images.end(), false);
  if (none == has_images.end()) return;
  throw DataError("{}: expected images ({}), got none",
                  (part.folder / classes[static_cast<size_t>(none - has_images.begin())]).string(),
                  fmt::join(kReadable, ", "));
}

class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<uint8_t>(c));
    add_byte(0);  // no path contains it
  }
  void add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<uint8_t>(number >> shift & 0xff));
  }
  uint64_t value() const { return value_; }

 private:
  void add_byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3u; }
  uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace

ImageList list_images(const std::filesystem::path& directory) {
  const auto train = directory / "train";
  const bool has_validation = has_part(directory, "val");
  const auto test = directory / (has_validation && !has_part(directory, "test") ? "val" : "test");
  ImageList list{classes_of(train), {}, {}, {}};
  if (list.classes.size() < 2 || list.classes.size() > kMaxClasses) {
    throw DataError("{}: expected 2 to {} folders, one for each class, got {}", train.string(), kMaxClasses,
                    list.classes.size());
  }
  check_same_classes(test, list.classes, classes_of(test));
  list.train = list_part(train, list);
  list.test = list_part(test, list);
  if (has_validation && test.filename() == "test") {
    check_same_classes(directory / "val", list.classes, classes_of(directory / "val"));
    list.validation = list_part(directory / "val", list);
  }
  return list;
}

void check_classes(const ImageList& list) {
  check_part(list.train, list.classes);
  check_part(list.test, list.classes);
  if (!list.validation.folder.empty()) check_part(list.validation, list.classes);
}

uint64_t fingerprint(const ImageList& list, const LoadOptions& options) {
  Hash hash;
  hash.add(static_cast<uint64_t>(options.image_size.height));
  hash.add(static_cast<uint64_t>(options.image_size.width));
  hash.add(static_cast<uint64_t>(options.skip_broken));
  for (const ImagePart* part : {&list.train, &list.validation, &list.test}) {
    hash.add(part->folder.filename().native());
    hash.add(part->files.size());
    for (const ImageFile& file : part->files) {
      hash.add(file.path.parent_path().filename().native());
      hash.add(file.path.filename().native());
      hash.add(file.num_bytes);
      hash.add(static_cast<uint64_t>(file.modified_ns));
      hash.add(static_cast<uint64_t>(file.changed_ns));
      hash.add(file.inode);
    }
  }
  for (const BrokenFile& file : list.broken) hash.add(file.path);
  return hash.value();
}

}  // namespace murmur
