#include "murmur/engine/cpu/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

namespace murmur::cpu {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max() / 4;

/// The number that a file holds; "max" is none.
std::optional<int64_t> read_number(const fs::path& file) {
  std::ifstream in(file);
  int64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

/// The number behind a key at the beginning of a line.
std::optional<int64_t> read_number(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    int64_t value = 0;
    if (words >> word && word == key && words >> value) return value;
  }
  return std::nullopt;
}

/// A version of control groups: what its files are called.
struct Files {
  const char* folder;
  const char* limit;
  const char* usage;
  const char* droppable;  // in memory.stat
};
constexpr Files kVersion1{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                          "total_inactive_file"};
constexpr Files kVersion2{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

int64_t left_in(const fs::path& group, const Files& files) {
  const std::optional<int64_t> limit = read_number(group / files.limit);
  const std::optional<int64_t> usage = read_number(group / files.usage);
  if (!limit || !usage || *limit >= kUnlimited) return kUnlimited;
  const int64_t droppable = read_number(group / "memory.stat", files.droppable).value_or(0);
  return std::max<int64_t>(0, *limit - std::max<int64_t>(0, *usage - droppable));
}

/// Of the group and of all that it is in: each has a limit of its own. Inside of a container the path may be that of
/// another view, of which only the root is there.
int64_t left_below_limits(const fs::path& root, const std::string& path, const Files& files) {
  const fs::path top = root / files.folder;
  int64_t left = left_in(top, files);
  fs::path group = top;
  for (const fs::path& part : fs::path(path).relative_path()) {
    group /= part;
    left = std::min(left, left_in(group, files));
  }
  return left;
}

}  // namespace

int64_t free_bytes(const fs::path& root) {
  constexpr int64_t kKiB = 1024;
  int64_t left = kUnlimited;
  if (const auto available = read_number(root / "proc/meminfo", "MemAvailable:")) left = *available * kKiB;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:memory:/path", "0::/path"
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) left = std::min(left, left_below_limits(root, path, kVersion2));
    if (("," + controllers + ",").find(",memory,") != std::string::npos) {
      left = std::min(left, left_below_limits(root, path, kVersion1));
    }
  }
  return left;
}

}  // namespace murmur::cpu
