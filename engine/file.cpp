#include "murmur/engine/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

/// What a path leads to: the end of its links, which need not be there yet.
std::filesystem::path follow_links(std::filesystem::path path) {
  constexpr int kMaxLinks = 40;  // as Linux has it
  std::error_code error;
  for (int i = 0; i < kMaxLinks && std::filesystem::is_symlink(path, error); ++i) {
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  }
  return path;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// What stands behind the number of the process: "-0.tmp".
bool is_temporary_end(std::string_view end) {
  constexpr std::string_view kDigits = "0123456789", kLast = ".tmp";
  if (!end.starts_with('-') || !end.ends_with(kLast) || end.size() < 2 + kLast.size()) return false;
  return end.find_first_not_of(kDigits, 1) == end.size() - kLast.size();
}

/// A pipe or a device (or a folder, which cannot be opened).
bool is_special(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

/// The new name is on the disk only when the folder is. File systems that cannot do that say so, and the file is in its
/// place by then: not an error.
void synchronize_folder(const std::filesystem::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), target_(path) {
  if (is_special(path)) {
    descriptor_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    target_ = follow_links(path);
    open_temporary();
  }
  if (descriptor_ < 0) fail();
}

/// A name that nobody has, and no link that somebody has put there.
void AtomicFile::open_temporary() {
  constexpr int kMaxTries = 100;
  constexpr int kMode = 0666;  // less the user's umask
  const std::string prefix = fmt::format(".{}.", target_.filename().string());
  remove_leftovers(folder_of(target_), prefix, is_temporary_end);
  for (int i = 0; i < kMaxTries && descriptor_ < 0; ++i) {
    temporary_ = folder_of(target_) / fmt::format("{}{}-{}.tmp", prefix, getpid(), i);
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::fail() const {
  throw Error("{}: expected to write the file, got: {}", path_.string(), std::strerror(errno));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void AtomicFile::commit() {
  if (!temporary_.empty()) {
    if (fsync(descriptor_) != 0 || std::rename(temporary_.c_str(), target_.c_str()) != 0) fail();
    temporary_.clear();
    synchronize_folder(folder_of(target_));
  }
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (close(descriptor) != 0) fail();
}

void remove_leftovers(const std::filesystem::path& folder, const std::string& prefix,
                      const std::function<bool(std::string_view)>& is_end) {
  namespace fs = std::filesystem;
  struct Close {
    void operator()(DIR* entries) const { closedir(entries); }
  };
  // Where it finds no memory, libstdc++'s directory_iterator ends the process.
  const std::unique_ptr<DIR, Close> entries(opendir(folder.c_str()));
  if (entries == nullptr) return;
  while (const dirent* const entry = readdir(entries.get())) {
    const std::string name = static_cast<const char*>(entry->d_name);
    if (!name.starts_with(prefix)) continue;
    const char* const end = name.data() + name.size();
    pid_t process = 0;
    const auto [rest, no_number] = std::from_chars(name.data() + prefix.size(), end, process);
    const bool is_ours = no_number == std::errc() && process > 0 && is_end({rest, static_cast<size_t>(end - rest)});
    if (!is_ours || kill(process, 0) == 0 || errno != ESRCH) continue;
    const fs::path path = folder / name;
    std::error_code ignored;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(path, ignored);
    if (!ignored && age > std::chrono::minutes(1)) fs::remove(path, ignored);
  }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

bool is_writable(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return false;
  const std::filesystem::path place = is_special(path) ? path : folder_of(follow_links(path));
  return access(place.c_str(), W_OK) == 0;
}

}  // namespace murmur
