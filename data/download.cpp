#include "murmur/data/download.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "murmur/data/image_cache.hpp"
#include "murmur/data/network/archive.hpp"
#include "murmur/data/network/digest.hpp"
#include "murmur/data/network/transfer.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/file_lock.hpp"

namespace murmur {
namespace {

using Path = std::filesystem::path;

/// -1: no file.
int64_t size_of(const Path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return -1;
  const auto size = std::filesystem::file_size(path, error);
  return error ? -1 : static_cast<int64_t>(size);
}

/// A call of std::filesystem with its error as ours.
template <class F>
void change(const Path& path, const char* expected, const F& f) {
  std::error_code error;
  f(error);
  if (error) throw DataError("{}: expected to {}, got: {}", path.string(), expected, error.message());
}

void create_folder(const Path& path) {
  change(path, "create the folder", [&](auto& error) { std::filesystem::create_directories(path, error); });
}

void remove_file(const Path& path) {
  change(path, "remove the file", [&](auto& error) { std::filesystem::remove(path, error); });
}

void move(const Path& from, const Path& to) {
  change(to, "put the file in its place", [&](auto& error) { std::filesystem::rename(from, to, error); });
}

/// Where a link leads to that somebody has put there: what is renamed must stay on its disk.
Path resolved(const Path& path) {
  std::error_code error;
  Path end = std::filesystem::weakly_canonical(path, error);
  return error ? path : end;
}

bool is_whole(const SourceFile& file, const Path& path) {
  return size_of(path) == file.num_bytes && sha256_of(path) == file.sha256;
}

/// Gets the files of one data set into one folder.
class Download {
 public:
  Download(const DatasetSource& source, const Path& folder, const DownloadOptions& options)
      : source_(source),
        options_(options),
        folder_(folder),
        target_(resolved(folder / source.name)),
        staging_(target_.string() + ".part") {}

  void run() {
    create_folder(staging_);
    remove_leftovers();
    std::vector<std::string> archives;
    for (const SourceFile& file : source_.files) {
      const Path path = get(file);
      if (file.members.empty()) continue;
      unpack(path, file.members, staging_);
      if (path.parent_path() == staging_) archives.push_back(file.name);
    }
    put_in_place();
    for (const std::string& name : archives) remove_file(target_ / name);
  }

 private:
  /// What a process that was killed while it unpacked has left.
  void remove_leftovers() const {
    std::set<std::string> known;
    for (const SourceFile& file : source_.files) known.insert({file.name, file.name + ".part"});
    std::vector<Path> others;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(staging_, error)) {
      if (!known.contains(entry.path().filename().string())) others.push_back(entry.path());
    }
    for (const Path& path : others) std::filesystem::remove(path, error);  // a folder with files stays, and is no harm
  }

  /// Where the whole file is.
  Path get(const SourceFile& file) {
    for (const Path& folder : {target_, staging_}) {
      if (is_whole(file, folder / file.name)) return folder / file.name;
    }
    check_space(file);
    std::vector<std::string> reasons;
    for (const std::string& url : urls_of(file)) {
      if (const std::string reason = get_from(file, url); !reason.empty()) {
        reasons.push_back(fmt::format("{}: {}", url, reason));
        note(reasons.back());
        continue;
      }
      move(part_of(file), staging_ / file.name);
      return staging_ / file.name;
    }
    std::error_code ignored;
    if (size_of(part_of(file)) == 0) std::filesystem::remove(part_of(file), ignored);
    std::filesystem::remove(staging_, ignored);  // unless something is in it
    throw DataError("{}: expected to get {}, got: {}; without a network: {}", source_.name, file.name,
                    fmt::join(reasons, "; "), how_to_put(source_, folder_));
  }

  std::vector<std::string> urls_of(const SourceFile& file) const {
    if (!options_.mirror.empty()) {
      const bool has_slash = options_.mirror.ends_with('/');
      return {fmt::format("{}{}{}/{}", options_.mirror, has_slash ? "" : "/", source_.name, file.name)};
    }
    std::vector<std::string> urls;
    for (const std::string& mirror : source_.mirrors) urls.push_back(mirror + file.name);
    return urls;
  }

  Path part_of(const SourceFile& file) const { return staging_ / (file.name + ".part"); }

  void check_space(const SourceFile& file) const {
    std::error_code error;
    const auto space = std::filesystem::space(staging_, error);
    const int64_t missing = file.num_bytes - std::max<int64_t>(0, size_of(part_of(file)));
    if (error || static_cast<int64_t>(space.available) >= missing) return;
    throw DataError("{}: expected {} free bytes for {}, got {}", staging_.string(), missing, file.name,
                    space.available);
  }

  /// Makes the file whole as NAME.part; else returns why not. Goes on while that brings more bytes.
  std::string get_from(const SourceFile& file, const std::string& url) {
    const Path part = part_of(file);
    int64_t before = -1;  // the most bytes that a request found there
    while (true) {
      const int64_t first = std::max<int64_t>(0, size_of(part));
      if (first > file.num_bytes) {
        remove_file(part);
        continue;
      }
      const TransferResult result = first < file.num_bytes ? continue_transfer(file, url) : TransferResult{};
      if (result.end == TransferEnd::kRefused) return result.reason;
      if (result.end == TransferEnd::kWhole) {
        const std::string sum = sha256_of(part);
        if (sum == file.sha256) return "";
        remove_file(part);
        std::string reason = fmt::format("expected the SHA-256 {}, got {}", file.sha256, sum);
        if (first == 0) return reason;
        // What was there before may be the wrong half.
        note(fmt::format("{}: {}; once more from its start", url, reason));
      } else if (result.end == TransferEnd::kNoResume) {
        remove_file(part);
        note(fmt::format("{}: {}; once more from its start", url, result.reason));
      } else if (size_of(part) > std::max(before, first)) {
        note(fmt::format("{}: {}; it goes on from byte {}", url, result.reason, size_of(part)));
      } else {
        return result.reason;
      }
      before = std::max(before, first);
    }
  }

  TransferResult continue_transfer(const SourceFile& file, const std::string& url) const {
    Transfer request{url, part_of(file), file.num_bytes, options_.stall_seconds};
    if (options_.on_progress) request.on_progress = [&](int64_t done) { options_.on_progress(file, done); };
    return transfer(request);
  }

  /// At once where nothing is there, else file by file, over those of the same name.
  void put_in_place() const {
    std::error_code error;
    std::filesystem::rename(staging_, target_, error);
    if (!error) return;
    create_folder(target_);
    std::vector<Path> files;
    change(staging_, "read the folder", [&](auto& problem) {
      for (const auto& entry : std::filesystem::directory_iterator(staging_, problem)) files.push_back(entry.path());
    });
    for (const Path& file : files) move(file, target_ / file.filename());
    std::filesystem::remove(staging_, error);
  }

  void note(const std::string& line) const {
    if (options_.on_note) options_.on_note(line);
  }

  const DatasetSource& source_;
  const DownloadOptions& options_;
  Path folder_;
  Path target_;
  Path staging_;
};

/// Whether the folder holds the data set. What is damaged does not; somebody's own images are not to be overwritten.
bool is_there(const DatasetSource& source, const Path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return false;
  Dataset dataset;
  try {
    dataset = load_dataset(source.name, folder);
  } catch (const DataError&) {
    return false;
  }
  if (is_official(dataset, source)) return true;
  throw DataError("{}: expected the {} + {} images of {} or none, got other ones: {}; move them away, or give --data",
                  dataset.directory.string(), source.num_train, source.num_test, source.name, dataset.contents);
}

}  // namespace

bool is_official(const Dataset& dataset, const DatasetSource& source) {
  const Samples& train = dataset.train;
  return dataset.num_classes == source.num_classes && train.num_samples == source.num_train &&
         dataset.test.num_samples == source.num_test && train.height == source.height && train.width == source.width &&
         train.channels == source.channels && (source.checksum == 0 || checksum(dataset) == source.checksum);
}

Path download(const DatasetSource& source, const Path& folder, const DownloadOptions& options) {
  if (!can_download()) {
    throw DataError("{}: expected a build with libcurl, libarchive and OpenSSL to download, got one without: {}",
                    source.name, how_to_put(source, folder));
  }
  create_folder(folder);
  try {
    const FileLock lock(folder / fmt::format(".{}.lock", source.name), [&] {
      if (options.on_note) options.on_note(fmt::format("waiting for another process that gets {}", source.name));
    });
    if (is_there(source, folder / source.name)) return folder / source.name;
    Download(source, folder, options).run();
    if (is_there(source, folder / source.name)) return folder / source.name;
  } catch (const DataError&) {
    throw;
  } catch (const Error& error) {  // of the lock
    throw DataError("{}", error.what());
  }
  throw DataError("{}: expected the images of {} there now, got none", (folder / source.name).string(), source.name);
}

std::string how_to_put(const DatasetSource& source, const Path& folder) {
  std::vector<std::string> urls;
  for (const SourceFile& file : source.files) urls.push_back(source.mirrors.front() + file.name);
  const bool is_archive = std::ranges::any_of(source.files, [](const SourceFile& f) { return !f.members.empty(); });
  return fmt::format(
      "put {}{} into {}{}", is_archive && !can_download() ? "what is in " : "", fmt::join(urls, ", "),
      (folder / source.name).string(),
      is_archive && can_download() ? fmt::format(" and give murmur data get {} again", source.name) : "");
}

}  // namespace murmur
