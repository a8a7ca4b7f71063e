#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace murmur {

/// A file that appears whole or not at all: what is written goes into a new file of the same folder, and `commit` puts
/// it in the place of what was there. Without a commit (an error, a kill) the old file stays. A link is followed; a
/// pipe or a device is written into at once, since a file in its place would take it away.
/// Throws: Error, naming the file and what the system says.
class AtomicFile {
 public:
  /// Creates the new file.
  explicit AtomicFile(const std::filesystem::path& path);
  /// Removes the new file unless it has been committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Waits until the disk has all of it, then renames.
  void commit();

 private:
  [[noreturn]] void fail() const;
  void open_temporary();

  std::filesystem::path path_;       // as it was asked for
  std::filesystem::path target_;     // the end of its links
  std::filesystem::path temporary_;  // empty where it is written into the target itself
  int descriptor_ = -1;
};

/// Removes what processes that were killed in the middle of it have left of a file that they were making in `folder`:
/// files named `prefix`, the number of a process that is no more here, and an end that `is_end` knows, so that no file
/// of a user's is meant; that nobody has touched for a minute, for the process may live on another machine.
void remove_leftovers(const std::filesystem::path& folder, const std::string& prefix,
                      const std::function<bool(std::string_view)>& is_end);

/// Writes all of a file, whole or not at all. Throws: Error.
void write_file(const std::filesystem::path& path, std::string_view text);

/// True where `write_file` could put a file in this place: its folder can be written to, or it is a pipe or a device
/// that can be.
bool is_writable(const std::filesystem::path& path);

}  // namespace murmur
