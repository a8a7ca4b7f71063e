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

void check_same_classes(const std::filesystem::path& test, const std::vector<std::string>& expected,
                        const std::vector<std::string>& got) {
  for (const std::string& name : expected) {
    if (!std::binary_search(got.begin(), got.end(), name)) {
      throw DataError("{}: expected the {} classes of train, got {}: no '{}'", test.string(), expected.size(),
                      got.size(), name);
    }
  }
  for (const std::string& name : got) {
    if (!std::binary_search(expected.begin(), expected.end(), name)) {
      throw DataError("{}: expected the {} classes of train, got {}: '{}' is not in train", test.string(),
                      expected.size(), got.size(), name);
    }
  }
}

/// Whether a file in a class's folder is an image. Throws where passing it over would lose images in silence.
bool is_image(const std::filesystem::directory_entry& entry) {
  const std::string extension = extension_of(entry.path());
  if (is_folder(entry)) {
    throw DataError("{}: expected image files in a class's folder, got a folder", entry.path().string());
  }
  if (is_one_of(kOtherImages, extension)) {
    throw DataError("{}: expected images in the formats PNG, JPEG or BMP, got '{}'", entry.path().string(), extension);
  }
  return is_one_of(kReadable, extension);
}

ImageFile describe(const std::filesystem::directory_entry& entry, uint8_t label) {
  struct stat status {};
  if (stat(entry.path().c_str(), &status) != 0) {
    throw unreadable(entry.path(), "an image file", {errno, std::generic_category()});
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

/// Adds the images of one part to `files`; returns how many files are none.
int64_t list_part(const std::filesystem::path& part, const std::vector<std::string>& classes,
                  std::vector<ImageFile>& files) {
  int64_t num_others = 0;
  for (size_t label = 0; label < classes.size(); ++label) {
    const size_t before = files.size();
    for (const auto& entry : entries_of(part / classes[label])) {
      if (is_image(entry)) {
        files.push_back(describe(entry, static_cast<uint8_t>(label)));
      } else {
        ++num_others;
      }
    }
    if (files.size() == before) {
      throw DataError("{}: expected images ({}), got none", (part / classes[label]).string(),
                      fmt::join(kReadable, ", "));
    }
  }
  return num_others;
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
  const auto test = directory / "test";
  const std::vector<std::string> classes = classes_of(train);
  if (classes.size() < 2 || classes.size() > kMaxClasses) {
    throw DataError("{}: expected 2 to {} folders, one for each class, got {}", train.string(), kMaxClasses,
                    classes.size());
  }
  check_same_classes(test, classes, classes_of(test));
  ImageList list{static_cast<int64_t>(classes.size()), {}, {}};
  list.num_others = list_part(train, classes, list.train) + list_part(test, classes, list.test);
  return list;
}

uint64_t fingerprint(const ImageList& list, ImageExtent image_size) {
  Hash hash;
  hash.add(static_cast<uint64_t>(image_size.height));
  hash.add(static_cast<uint64_t>(image_size.width));
  for (const auto* part : {&list.train, &list.test}) {
    hash.add(part->size());
    for (const ImageFile& file : *part) {
      hash.add(file.path.parent_path().filename().native());
      hash.add(file.path.filename().native());
      hash.add(file.num_bytes);
      hash.add(static_cast<uint64_t>(file.modified_ns));
      hash.add(static_cast<uint64_t>(file.changed_ns));
      hash.add(file.inode);
    }
  }
  return hash.value();
}

}  // namespace murmur
