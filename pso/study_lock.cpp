#include "murmur/pso/study_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "murmur/engine/error.hpp"
#include "murmur/engine/file_lock.hpp"

namespace murmur {
namespace {

constexpr mode_t kMode = 0666;  // less the umask: who may write the study may lock it
constexpr int64_t kWholeFile = 0;

/// Where the byte of a study of this name is (FNV-1a): of two names the same once in 10^15 pairs.
int64_t byte_of(std::string_view name) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  constexpr uint64_t kMask = (uint64_t{1} << 50) - 1;
  return static_cast<int64_t>(hash & kMask);
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
      const bool is_free = lock_bytes(descriptor_, byte_of(study_name), 1);
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
    if (lock_bytes(descriptor_, 0, kWholeFile)) unlink(file_.c_str());
  } catch (const std::system_error&) {
    // The file stays, and is no harm.
  }
  close(descriptor_);
}

}  // namespace murmur
