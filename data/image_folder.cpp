#include "murmur/data/image_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "murmur/data/image.hpp"
#include "murmur/data/image_cache.hpp"
#include "murmur/data/image_list.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/random/permutation.hpp"

namespace murmur {
namespace {

constexpr uint64_t kOrderKey = 0x6d75726d75726174;  // any fixed number; another one is another order
constexpr int64_t kColours = 3;

/// Runs work(0) .. work(count - 1) on all cores. Throws what one of them throws, and then some are not run.
template <class Work>
void for_each_index(size_t count, const Work& work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      for (size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  };
  {
    const size_t num_threads = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), count);
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < num_threads; ++i) threads.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

std::vector<ImageFile> in_mixed_order(const std::vector<ImageFile>& files) {
  const Permutation order(files.size(), kOrderKey, 0, 0);
  std::vector<ImageFile> mixed;
  mixed.reserve(files.size());
  for (uint64_t i = 0; i < files.size(); ++i) mixed.push_back(files[order(i)]);
  return mixed;
}

void check_memory(const std::filesystem::path& directory, int64_t num_images, ImageExtent size) {
  const double needed = static_cast<double>(num_images) * static_cast<double>(size.height * size.width * kColours);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (memory > 0 && needed > memory) {
    throw DataError(
        "{}: expected images that fit into {:.1f} GB of memory, got {} of {}x{}, which take {:.1f} GB; "
        "give a smaller image size",
        directory.string(), memory * 1e-9, num_images, size.height, size.width, needed * 1e-9);
  }
}

/// The images of one part in colour, and what could not be read of them.
struct Decoded {
  Samples samples;
  bool is_grey = true;
  std::vector<BrokenFile> broken{};
};

bool is_grey(const RgbImage& image) {
  for (size_t at = 0; at < image.pixels.size(); at += kColours) {
    if (image.pixels[at] != image.pixels[at + 1] || image.pixels[at] != image.pixels[at + 2]) return false;
  }
  return true;
}

Decoded decode(const std::vector<ImageFile>& files, ImageExtent size) {
  const auto image_bytes = static_cast<size_t>(size.height * size.width * kColours);
  Decoded decoded{{static_cast<int64_t>(files.size()), size.height, size.width, kColours, {}, {}}};
  Samples& samples = decoded.samples;
  samples.images.resize(files.size() * image_bytes);
  for (const ImageFile& file : files) samples.labels.push_back(file.label);
  std::atomic<bool> all_grey = true;
  std::mutex mutex;
  for_each_index(files.size(), [&](size_t i) {
    try {
      const RgbImage image = resized(read_image(files[i].path), size);
      if (!is_grey(image)) all_grey = false;
      std::copy(image.pixels.begin(), image.pixels.end(),
                samples.images.begin() + static_cast<ptrdiff_t>(i * image_bytes));
    } catch (const DataError& error) {
      const std::lock_guard lock(mutex);
      decoded.broken.push_back({files[i].path.string(), error.what()});
    }
  });
  decoded.is_grey = all_grey;
  return decoded;
}

/// Luma by the weights of ITU-R BT.601 in 1/256, so that grey stays what it was.
void make_grey(Samples& samples) {
  std::vector<uint8_t>& images = samples.images;
  for (size_t pixel = 0; pixel < images.size() / kColours; ++pixel) {
    const uint8_t* colours = images.data() + pixel * kColours;
    images[pixel] = static_cast<uint8_t>((77 * colours[0] + 150 * colours[1] + 29 * colours[2]) >> 8);
  }
  images.resize(images.size() / kColours);
  images.shrink_to_fit();
  samples.channels = 1;
}

/// The size of the first training image whose header can be read.
ImageExtent first_size(const std::vector<ImageFile>& files) {
  for (const ImageFile& file : files) {
    try {
      return read_image_size(file.path);
    } catch (const DataError&) {
      continue;  // it is broken, and decoding says so
    }
  }
  return {1, 1};
}

void append(const Samples& more, Samples& samples) {
  samples.num_samples += more.num_samples;
  samples.images.insert(samples.images.end(), more.images.begin(), more.images.end());
  samples.labels.insert(samples.labels.end(), more.labels.begin(), more.labels.end());
}

/// All images of the list; those that are broken are black, and named in `broken`.
Dataset decode(const std::filesystem::path& directory, const ImageList& list, ImageExtent image_size,
               std::vector<BrokenFile>& broken) {
  const ImageExtent size = image_size == ImageExtent{} ? first_size(list.train.files) : image_size;
  check_memory(directory, list.num_images(), size);
  std::vector<Samples> parts;
  bool all_grey = true;
  for (const ImagePart* part : {&list.train, &list.validation, &list.test}) {
    Decoded decoded = decode(in_mixed_order(part->files), size);
    if (part == &list.train) all_grey = decoded.is_grey;
    if (all_grey) make_grey(decoded.samples);
    broken.insert(broken.end(), decoded.broken.begin(), decoded.broken.end());
    parts.push_back(std::move(decoded.samples));
  }
  append(parts[1], parts[0]);
  const auto num_classes = static_cast<int64_t>(list.classes.size());
  Dataset dataset{"", num_classes, std::move(parts[0]), std::move(parts[2])};
  dataset.num_validation = parts[1].num_samples;
  return dataset;
}

[[noreturn]] void refuse(std::vector<BrokenFile> broken, int64_t num_images) {
  std::ranges::sort(broken, {}, &BrokenFile::path);
  if (broken.size() == 1) throw DataError("{}; --skip-broken leaves it out", broken.front().reason);
  throw DataError("{} of {} images cannot be read: {}; --skip-broken leaves them out", broken.size(), num_images,
                  list_of(broken));
}

void remove(const std::vector<BrokenFile>& broken, ImageList& list) {
  std::set<std::string> paths;
  for (const BrokenFile& file : broken) paths.insert(file.path);
  for (ImagePart* part : {&list.train, &list.validation, &list.test}) {
    std::erase_if(part->files, [&](const ImageFile& file) { return paths.contains(file.path.string()); });
  }
}

Dataset decode(const std::filesystem::path& directory, ImageList list, const LoadOptions& options) {
  const int64_t num_images = list.num_images() + static_cast<int64_t>(list.broken.size());
  std::vector<BrokenFile> skipped = list.broken;
  while (true) {
    if (skipped.empty() || options.skip_broken) check_classes(list);
    std::vector<BrokenFile> broken;
    Dataset dataset = decode(directory, list, options.image_size, broken);
    skipped.insert(skipped.end(), broken.begin(), broken.end());
    if (!skipped.empty() && !options.skip_broken) refuse(std::move(skipped), num_images);
    if (broken.empty()) {
      std::ranges::sort(skipped, {}, &BrokenFile::path);
      dataset.skipped = std::move(skipped);
      return dataset;
    }
    remove(broken, list);  // and all once more: order and size are those of a folder without them
  }
}

Dataset read_or_decode(const std::filesystem::path& directory, const LoadOptions& options) {
  ImageList list = list_images(directory);
  const uint64_t state = fingerprint(list, options);
  const std::filesystem::path cache =
      options.use_cache ? cache_path(directory, options.image_size) : std::filesystem::path();
  std::optional<Dataset> dataset;
  if (!cache.empty()) dataset = read_cache(cache, state);
  if (!dataset) {
    dataset = decode(directory, list, options);
    // Without a cache the next load is only slower: no reason for a message.
    if (!cache.empty()) write_cache(cache, state, *dataset);
  }
  dataset->num_others = list.num_others;
  dataset->class_names = std::move(list.classes);
  return std::move(*dataset);
}

}  // namespace

bool has_image_folder(const std::filesystem::path& directory) {
  return std::ranges::any_of(std::array{"train", "test", "val"}, [&](const char* part) {
    std::error_code ignored;
    return std::filesystem::is_directory(directory / part, ignored);
  });
}

Dataset load_image_folder(const std::string& name, const std::filesystem::path& directory, const LoadOptions& options) {
  Dataset dataset = read_or_decode(directory, options);
  dataset.name = name;
  dataset.directory = directory;
  return dataset;
}

}  // namespace murmur
