#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "app/report/study_data.hpp"

namespace murmur::app {

/// The data of studies that others are writing: read again where a file has changed, but never for more than a fifth of
/// the time.
class LiveData {
 public:
  explicit LiveData(std::vector<StudyName> studies) : studies_(std::move(studies)) {}

  /// Throws: StudyError.
  std::shared_ptr<const std::string> get();

 private:
  using Clock = std::chrono::steady_clock;

  /// When the files, and their logs, were written, and how long they are.
  std::vector<int64_t> state_of_files() const;

  std::vector<StudyName> studies_;
  std::shared_ptr<const std::string> data_;
  std::vector<int64_t> state_;
  Clock::time_point next_;  // not before
};

}  // namespace murmur::app
