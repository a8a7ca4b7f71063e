#include "app/report/chart.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "app/report/assets.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/file.hpp"

namespace murmur::app {
namespace {

namespace fs = std::filesystem;

/// A folder for what programs hand one another; gone with all that is in it.
class Workplace {
 public:
  Workplace() : path_((fs::temp_directory_path() / "murmur-report-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) {
      throw Error("report: expected a folder for temporary files, got: {}", std::strerror(errno));
    }
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Its exit status; 127 where there is no such program.
int run_words(std::vector<std::string> words, const std::string& output, const std::string& errors) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  constexpr mode_t kMode = 0600;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), kFlags, kMode);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(), kFlags, kMode);
  pid_t process = 0;
  const int error = posix_spawnp(&process, words.front().c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  constexpr int kNotFound = 127;
  if (error != 0) return kNotFound;
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs it and returns what it printed. `package` has it.
std::string output_of(const Workplace& place, const std::vector<std::string>& words, std::string_view package) {
  const std::string output = place / "output", errors = place / "errors";
  const int status = run_words(words, output, errors);
  if (status == 0) return read_file(output);
  if (status == 127) {
    throw Error("a chart as a file: expected the program {} (package {}), got none", words.front(), package);
  }
  std::string text = read_file(errors);
  text.erase(text.find_last_not_of(" \n") + 1);
  throw DataError("{}", text.empty() ? words.front() + " failed" : text);
}

}  // namespace

std::string chart_svg(const std::string& data, std::string_view chart, const nlohmann::json& options) {
  const Workplace place;
  write_file(place / "chart.js", chart_script());
  write_file(place / "data.json", data);
  return output_of(place, {"node", place / "chart.js", place / "data.json", std::string(chart), options.dump()},
                   "nodejs");
}

std::string png_of(const std::string& svg) {
  const Workplace place;
  write_file(place / "chart.svg", svg);
  return output_of(place, {"rsvg-convert", "--format", "png", place / "chart.svg"}, "librsvg2-bin");
}

}  // namespace murmur::app
