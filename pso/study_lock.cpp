#include "murmur/pso/study_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

constexpr mode_t kMode = 0666;  // less the umask: who may write the study may lock it
constexpr off_t kWholeFile = 0;

/// Where the byte of a study of this name is (FNV-1a): of two names the same once in 10^15 pairs.
off_t byte_of(std::string_view name) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  constexpr uint64_t kMask = (uint64_t{1} << 50) - 1;
  return static_cast<off_t>(hash & kMask);
}

/// An open file description's own lock: threads and other descriptors of this process do not share it. False where
/// another one has it. `count`: bytes, kWholeFile: to the end.
bool lock(int descriptor, off_t first, off_t count) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = first;
  range.l_len = count;
  if (fcntl(descriptor, F_OFD_SETLK, &range) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw std::system_error(errno, std::generic_category());
}

/// False where the name stands for another file by now, or for none.
bool is_file_of(int descriptor, const std::filesystem::path& file) {
  struct stat open {};
  struct stat named {};
  return fstat(descriptor, &open) == 0 && lstat(file.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

}  // namespace

StudyLock::StudyLock(const std::filesystem::path& path, std::string_view study_name)
    : file_(std::filesystem::weakly_canonical(path).string() + "-lock") {
  const auto fail = [&](const std::string& got) {
    throw StudyError("study '{}': expected to lock it with the file '{}', got: {}", path.string(), file_.string(), got);
  };
  try {
    while (true) {
      descriptor_ = open(file_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kMode);
      if (descriptor_ < 0) fail(std::strerror(errno));
      const bool is_free = lock(descriptor_, byte_of(study_name), 1);
      // Its last owner may have removed it between the two calls.
      if (is_free && is_file_of(descriptor_, file_)) return;
      close(descriptor_);
      descriptor_ = -1;
      if (is_free) continue;
      throw StudyError("study '{}': expected no other command at work on '{}', got one that is running", path.string(),
                       study_name);
    }
  } catch (const std::system_error& error) {
    if (descriptor_ >= 0) close(descriptor_);
    fail(error.code().message());
  }
}

StudyLock::~StudyLock() {
  try {
    if (lock(descriptor_, 0, kWholeFile)) unlink(file_.c_str());
  } catch (const std::system_error&) {
    // The file stays, and is no harm.
  }
  close(descriptor_);
}

}  // namespace murmur
