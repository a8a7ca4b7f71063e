#include "app/report/live_data.hpp"

#include <filesystem>
#include <system_error>

#include "app/report/document.hpp"

namespace murmur::app {

std::vector<int64_t> LiveData::state_of_files() const {
  namespace fs = std::filesystem;
  std::vector<int64_t> state;
  for (const StudyName& study : studies_) {
    for (const char* suffix : {"", "-wal"}) {
      const std::string path = study.file.string() + suffix;
      std::error_code error;
      const fs::file_time_type time = fs::last_write_time(path, error);
      state.push_back(error ? 0 : time.time_since_epoch().count());
      const uintmax_t size = fs::file_size(path, error);
      state.push_back(error ? 0 : static_cast<int64_t>(size));
    }
  }
  return state;
}

std::shared_ptr<const std::string> LiveData::get() {
  constexpr int kRest = 4;                        // times as long as a reading took
  constexpr std::chrono::milliseconds kTick{20};  // that times of files are apart at most, and more
  const Clock::time_point begin = Clock::now();
  if (data_ != nullptr && begin < next_) return data_;
  std::vector<int64_t> state = state_of_files();
  if (data_ != nullptr && state == state_) return data_;
  data_ = std::make_shared<std::string>(report_data(studies_, true));
  next_ = Clock::now() + kRest * (Clock::now() - begin) + kTick;
  // What was written while it was read may be in it or not: then the next reading sees another state.
  state_ = std::move(state);
  return data_;
}

}  // namespace murmur::app
