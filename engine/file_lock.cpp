#include "murmur/engine/file_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "murmur/engine/error.hpp"

namespace murmur {

bool lock_bytes(int descriptor, int64_t first, int64_t count, bool waits) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = first;
  range.l_len = count;
  while (fcntl(descriptor, waits ? F_OFD_SETLKW : F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return false;
    throw std::system_error(errno, std::generic_category());
  }
  return true;
}

bool is_file_of(int descriptor, const std::filesystem::path& file) {
  struct stat open {};
  struct stat named {};
  return fstat(descriptor, &open) == 0 && lstat(file.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

FileLock::FileLock(std::filesystem::path file, const std::function<void()>& on_wait) : file_(std::move(file)) {
  constexpr mode_t kMode = 0666;  // less the umask
  try {
    while (true) {
      descriptor_ = open(file_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kMode);
      if (descriptor_ < 0) throw std::system_error(errno, std::generic_category());
      if (!lock_bytes(descriptor_, 0, 0)) {
        on_wait();
        lock_bytes(descriptor_, 0, 0, true);
      }
      // Its last owner may have removed it before this one had it.
      if (is_file_of(descriptor_, file_)) return;
      close(descriptor_);
      descriptor_ = -1;
    }
  } catch (const std::system_error& error) {
    if (descriptor_ >= 0) close(descriptor_);
    throw Error("{}: expected to lock the file, got: {}", file_.string(), error.code().message());
  }
}

FileLock::~FileLock() {
  unlink(file_.c_str());  // while it is held: who waits for it sees that the name is another file's
  close(descriptor_);
}

}  // namespace murmur
