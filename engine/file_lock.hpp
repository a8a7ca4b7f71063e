#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace murmur {

/// Locks bytes of an open file as its open file description's own: threads and other descriptors of this process do
/// not share it, and the kernel ends it with its process. False where another one has them; with `waits` there is no
/// such case. `count` 0: to the end of the file. Throws: std::system_error.
bool lock_bytes(int descriptor, int64_t first, int64_t count, bool waits = false);

/// False where the name stands for another file by now, or for none.
bool is_file_of(int descriptor, const std::filesystem::path& file);

/// Held as long as it lives, by one process at a time, and ended by the kernel with its process. It is a file of this
/// name, which its owner removes at the end. (Between machines only where the file system has locks.)
class FileLock {
 public:
  /// Waits until it is free; before it does, `on_wait` is called. Throws: Error, naming the file.
  FileLock(std::filesystem::path file, const std::function<void()>& on_wait);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace murmur
