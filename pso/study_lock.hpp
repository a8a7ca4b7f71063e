#pragma once

#include <filesystem>
#include <string_view>

namespace murmur {

/// Held as long as it lives, by one process at a time: what works on a study for hours must be alone with it. The
/// kernel ends it with its process, however that ends. It is a file beside the study's, `s.db-lock`, in which each
/// study of the file has a byte of its own; whoever leaves last removes it. (Between machines only where the file
/// system has locks.)
class StudyLock {
 public:
  /// Throws StudyError where another process, or another lock of this one, has the study.
  StudyLock(const std::filesystem::path& path, std::string_view study_name);
  ~StudyLock();
  StudyLock(const StudyLock&) = delete;
  StudyLock& operator=(const StudyLock&) = delete;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace murmur
