// A training under Nsight Systems or Nsight Compute: the command line, its run, and the report read back as one table.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>

#include "app/commands.hpp"
#include "app/json_report.hpp"
#include "app/options.hpp"
#include "app/profile_report.hpp"
#include "app/terminal.hpp"
#include "app/train_command.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/timing.hpp"
#include "murmur/kernels/add.hpp"

namespace murmur::app {
namespace {

using Words = std::vector<std::string>;

struct ProfileOptions {
  std::string tool, kernel, ticks, output, read;
  double copy_bandwidth = 0;  // GB/s; 0: measured where a GPU is
  bool graph = false;
  bool dry_run = false;
};

bool is_nsys(const ProfileOptions& options) {
  return options.tool == "nsys";
}

const char* extension(const ProfileOptions& options) {
  return is_nsys(options) ? ".nsys-rep" : ".ncu-rep";
}

/// The file that the tool writes or that is to be read.
std::string report_path(const ProfileOptions& options) {
  if (!options.read.empty()) return options.read;
  const std::string stem = options.output.empty() ? "murmur-" + options.tool : options.output;
  return stem.ends_with(extension(options)) ? stem : stem + extension(options);
}

/// Throws unless the tool is on the PATH.
void require_tool(const std::string& tool) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((std::filesystem::path(folder) / tool).c_str(), X_OK) == 0) return;
  }
  throw Error("profile: expected {} ({}) on the PATH, got none; --dry-run prints its command line for another machine",
              tool, tool == "nsys" ? "NVIDIA Nsight Systems" : "NVIDIA Nsight Compute");
}

/// What of the command line is `train`'s, as it was given.
Words train_words(const CLI::App& command) {
  Words words;
  for (const CLI::Option* option : command.get_options()) {
    static const std::array<std::string_view, 10> own{"",     "help",           "kernel", "ticks",   "output",
                                                      "read", "copy-bandwidth", "graph",  "dry-run", "json"};
    const std::string name = option->get_lnames().empty() ? "" : option->get_lnames().front();
    // The options of --config stand in the command line by now.
    if (option->count() == 0 || name == "config" || (name == "device" && option->results().back() == "auto") ||
        std::ranges::find(own, name) != own.end())
      continue;
    if (option->get_items_expected_max() == 0) {
      words.push_back("--" + name);
      continue;
    }
    const CLI::results_t& results = option->results();
    for (size_t i = name == "set" ? 0 : results.size() - 1; i < results.size(); ++i) {
      words.insert(words.end(), {"--" + name, results[i]});
    }
  }
  return words;
}

std::string own_path() {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "murmur" : path.string();
}

/// nsys and ncu with their options, in front of the program.
Words tool_words(const ProfileOptions& options, const std::string& ticks) {
  const std::string path = report_path(options);
  if (is_nsys(options)) {
    Words words{"nsys",          "profile",         "--trace=cuda,nvtx",      "--cuda-graph-trace=node",
                "--sample=none", "--cpuctxsw=none", "--force-overwrite=true", "--output=" + path};
    if (!ticks.empty()) {
      words.insert(words.end(), {"--capture-range=cudaProfilerApi", "--capture-range-end=stop"});
    }
    return words;
  }
  Words words{
      "ncu",      "--set", "full", "--clock-control", "none", "--kernel-name-base", "demangled", "--force-overwrite",
      "--export", path};
  if (!options.kernel.empty()) words.insert(words.end(), {"--kernel-name", "regex:" + options.kernel});
  if (!ticks.empty()) words.insert(words.end(), {"--profile-from-start", "off"});
  if (options.graph) words.insert(words.end(), {"--graph-profiling", "node"});
  return words;
}

Words profile_words(const ProfileOptions& options, const CLI::App& command) {
  const CLI::Option* device = command.get_option("--device");
  const std::string name = device->count() == 0 ? "auto" : device->results().back();
  if (name == "cpu") {
    throw InvalidArgument("--device: expected a GPU, got cpu (bench/profile/perf.sh shows where a CPU's time goes)");
  }
  // One tick is enough for ncu, which runs every kernel some forty times; the first two are not like the others.
  const std::string ticks = options.ticks.empty() && !is_nsys(options) ? "3:3" : options.ticks;
  Words words = tool_words(options, ticks);
  words.insert(words.end(), {own_path(), "train", "--quiet"});
  if (name == "auto") words.insert(words.end(), {"--device", "cuda"});
  if (command.get_option("--epochs")->count() == 0) words.insert(words.end(), {"--epochs", "1"});
  if (!options.graph) words.emplace_back("--no-graph");
  if (!ticks.empty()) words.insert(words.end(), {"--profile-ticks", ticks});
  const Words train = train_words(command);
  words.insert(words.end(), train.begin(), train.end());
  return words;
}

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs the tool with the training in it; what both say is on the terminal.
int run_tool(const std::string& tool, const std::string& line) {
  std::fflush(stdout);
  const int code = exit_code(std::system(line.c_str()));
  if (code == 0) return 0;
  fmt::print(stderr, "murmur: {}: expected exit code 0, got {}{}\n", tool, code,
             tool == "ncu" ? " (ERR_NVGPUCTRPERM? docs/profiling.md says what to do)" : "");
  return code <= 4 || code == 129 || code == 130 || code == 143 ? code : 1;
}

/// What a command prints, its errors among it. Throws: Error where it fails, with the last line.
std::string output_of(const Words& words) {
  const auto close = [](FILE* file) { pclose(file); };
  std::unique_ptr<FILE, decltype(close)> pipe(popen((shell_line(words) + " 2>&1").c_str(), "r"), close);
  if (pipe == nullptr) throw Error("{}: expected to start, got: {}", words.front(), std::strerror(errno));
  std::string output;
  std::array<char, 4096> buffer;
  for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
    output.append(buffer.data(), n);
  const int code = exit_code(pclose(pipe.release()));
  if (code == 0) return output;
  while (output.ends_with('\n')) output.pop_back();
  throw Error("{}: expected exit code 0, got {}: {}", shell_line(words), code, output.substr(output.rfind('\n') + 1));
}

Words reading_words(const ProfileOptions& options) {
  const std::string path = report_path(options);
  if (is_nsys(options)) {
    return {
        "nsys", "stats", "--report", "cuda_gpu_kern_sum,nvtx_gpu_proj_sum", "--format", "csv", "--force-export=true",
        path};
  }
  return {"ncu",      "--import", path, "--csv", "--page", "raw", "--print-units", "base", "--print-kernel-base",
          "demangled"};
}

/// Bytes read and written a second, in units of 1e9, by a large copy on this machine's GPU. Throws: Error.
double measured_copy() {
  constexpr int64_t kElements = int64_t{1} << 28;  // a gibibyte, which no cache holds
  const Device device = parse_device("cuda");
  const std::unique_ptr<Stream> stream = make_stream(device);
  const Tensor source = Tensor::zeros({1, kElements}, DType::kF32, device);
  const Tensor target = Tensor::zeros({1, kElements}, DType::kF32, device);
  AddArgs<float> args;
  args.num_networks = 1;
  args.num_elements = kElements;
  args.source = per_network<const float>(source);
  args.target = per_network<float>(target);
  args.accumulate = false;
  return 8e-9 * static_cast<double>(kElements) / replay_seconds(*stream, [&] { add(*stream, args); });
}

/// The same; 0 where there is no GPU, or none with room for it: the rest of the table does without.
double copy_gb_per_second() {
  try {
    return num_cuda_devices() == 0 ? 0 : measured_copy();
  } catch (const Error& error) {
    fmt::print(stderr, "murmur: %copy is left out: {}\n", printable(error.what()));
    return 0;
  }
}

/// Reads the tool's report and shows it.
void show(const ProfileOptions& options, const std::string& json) {
  const std::string path = report_path(options);
  if (!std::filesystem::exists(path)) {
    throw Error("{}: expected the report {}, got none (did a kernel match within the ticks?)", options.tool, path);
  }
  const std::string text = output_of(reading_words(options));
  ProfileReport report = is_nsys(options) ? read_nsys_csv(text) : read_ncu_csv(text);
  if (is_nsys(options) && !options.kernel.empty()) keep_kernels(report, options.kernel);
  double copy = options.copy_bandwidth;
  if (copy == 0 && !is_nsys(options) && options.read.empty()) copy = copy_gb_per_second();
  fmt::print("{}", profile_table(report, copy));
  if (copy > 0) fmt::print("%copy: of {:.0f} GB/s, read and written\n", copy);
  nlohmann::json head = report_head("profile");
  head.update({{"tool", options.tool}, {"report", path}});
  head.update(profile_json(report, copy));
  write_report(json, head);
}

int profile(const ProfileOptions& options, const CLI::App& command) {
  const CLI::Option* json_option = command.get_option("--json");
  const std::string json = json_option->count() == 0 ? "" : json_option->results().back();
  parse_ticks("--ticks", options.ticks);
  if (!options.read.empty()) {
    reserve_report(json);
    require_tool(options.tool);
    show(options, json);
    return 0;
  }
  const std::string line = shell_line(profile_words(options, command));
  if (options.dry_run) {
    fmt::print("{}\n{}\n", printable(line), shown_shell_line(reading_words(options)));
    return 0;
  }
  reserve_report(json);
  require_tool(options.tool);
  fmt::print("{}\n", printable(line));
  if (const int code = run_tool(options.tool, line); code != 0) return code;
  show(options, json);
  return 0;
}

}  // namespace

Run add_profile(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "profile", "nsys or ncu: a training under NVIDIA's profilers, and its kernels in one table (docs/profiling.md)");
  auto options = std::make_shared<ProfileOptions>();
  command->add_option("tool", options->tool, "nsys: the timeline; ncu: what bounds each kernel")
      ->required()
      ->check(CLI::IsMember({"nsys", "ncu"}));
  command->add_option("--kernel", options->kernel,
                      "only kernels whose name this regular expression matches, as Update or NormPool");
  command->add_option("--ticks", options->ticks,
                      "A:B: only these ticks of the training, counted from 1 (nsys: all; ncu: 3:3)");
  command->add_option("--output", options->output, "the report's file (default: murmur-nsys, murmur-ncu)");
  command->add_option("--read", options->read, "run nothing, show the table of this report");
  command
      ->add_option("--copy-bandwidth", options->copy_bandwidth,
                   "GB/s of a large copy (default: measured where a GPU is)")
      ->check(number(0, 1e6));
  command->add_flag("--graph", options->graph, "keep the captured graph: ranges mark its capture alone then");
  command->add_flag("--dry-run", options->dry_run, "print the command lines and run nothing");
  const std::shared_ptr<void> train_options = add_train_options(*command);
  for (const char* name : {"--no-graph", "--quiet", "--profile-ticks"})
    command->remove_option(command->get_option(name));
  command->get_option("--json")->description("write the table to this file; - is standard output");
  command->get_option("--epochs")->default_str("1");
  return [options, command, train_options] { return profile(*options, *command); };
}

}  // namespace murmur::app
