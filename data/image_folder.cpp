#include "murmur/data/image_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
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

/// Runs work(0) .. work(count - 1) on all cores. Throws what the first index that throws does: all before it are run.
template <class Work>
void for_each_index(size_t count, const Work& work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::atomic<size_t> first_failed = std::numeric_limits<size_t>::max();
  std::exception_ptr failure;
  const auto run = [&] {
    for (size_t i = next++; i < count && i < first_failed; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i > first_failed) continue;
        first_failed = i;
        failure = std::current_exception();
      }
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

void check_memory(const std::filesystem::path& directory, size_t num_images, ImageExtent size) {
  const double needed = static_cast<double>(num_images) * static_cast<double>(size.height * size.width * kColours);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (memory > 0 && needed > memory) {
    throw DataError(
        "{}: expected images that fit into {:.1f} GB of memory, got {} of {}x{}, which take {:.1f} GB; "
        "give a smaller image size",
        directory.string(), memory * 1e-9, num_images, size.height, size.width, needed * 1e-9);
  }
}

/// The images of one part in colour, and whether all are grey.
std::pair<Samples, bool> decode(const std::vector<ImageFile>& files, ImageExtent size) {
  const auto image_bytes = static_cast<size_t>(size.height * size.width * kColours);
  Samples samples{static_cast<int64_t>(files.size()), size.height, size.width, kColours, {}, {}};
  samples.images.resize(files.size() * image_bytes);
  for (const ImageFile& file : files) samples.labels.push_back(file.label);
  std::atomic<bool> all_grey = true;
  for_each_index(files.size(), [&](size_t i) {
    const RgbImage image = resized(read_image(files[i].path), size);
    bool is_grey = true;
    for (size_t at = 0; is_grey && at < image_bytes; at += kColours) {
      is_grey = image.pixels[at] == image.pixels[at + 1] && image.pixels[at] == image.pixels[at + 2];
    }
    if (!is_grey) all_grey = false;
    std::copy(image.pixels.begin(), image.pixels.end(),
              samples.images.begin() + static_cast<ptrdiff_t>(i * image_bytes));
  });
  return {std::move(samples), all_grey};
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

Dataset decode(const std::filesystem::path& directory, const ImageList& list, ImageExtent image_size) {
  const ImageExtent size = image_size == ImageExtent{} ? read_image_size(list.train.front().path) : image_size;
  check_memory(directory, list.train.size() + list.test.size(), size);
  auto [train, is_grey] = decode(in_mixed_order(list.train), size);
  Samples test = decode(in_mixed_order(list.test), size).first;
  if (is_grey) {
    make_grey(train);
    make_grey(test);
  }
  return {"", list.num_classes, std::move(train), std::move(test)};
}

Dataset read_or_decode(const std::filesystem::path& directory, ImageExtent image_size) {
  const ImageList list = list_images(directory);
  const uint64_t state = fingerprint(list, image_size);
  const auto caches = cache_paths(directory, image_size);
  for (const auto& path : caches) {
    std::optional<Dataset> cached = read_cache(path, state);
    if (!cached) continue;
    cached->num_others = list.num_others;
    return std::move(*cached);
  }
  Dataset dataset = decode(directory, list, image_size);
  dataset.num_others = list.num_others;
  // Without a cache the next load is only slower: no reason for a message.
  static_cast<void>(
      std::any_of(caches.begin(), caches.end(), [&](const auto& path) { return write_cache(path, state, dataset); }));
  return dataset;
}

}  // namespace

bool has_image_folder(const std::filesystem::path& directory) {
  std::error_code ignored;
  return std::filesystem::is_directory(directory / "train", ignored) ||
         std::filesystem::is_directory(directory / "test", ignored);
}

Dataset load_image_folder(const std::string& name, const std::filesystem::path& directory, ImageExtent image_size) {
  Dataset dataset = read_or_decode(directory, image_size);
  dataset.name = name;
  dataset.directory = directory;
  return dataset;
}

}  // namespace murmur
