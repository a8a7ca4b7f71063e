#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "app/cluster.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/json_report.hpp"
#include "app/manual.hpp"
#include "app/terminal.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/nearest.hpp"
#include "murmur/techniques/techniques.hpp"

namespace {

enum ExitCode { kSuccess = 0, kFailure = 1, kUsage = 2, kData = 3, kDevice = 4 };

int fail(ExitCode code, const std::string& message) {
  // one plain line, whatever a library put into its message
  std::string line = message;
  for (char& c : line) c = c == '\n' ? ' ' : c;
  fmt::print(stderr, "murmur: {}\n", murmur::app::printable(line));
  return code;
}

/// CLI11 says only that a subcommand is missing.
void check_command(const std::vector<std::string>& arguments, const CLI::App& app) {
  if (arguments.empty()) return;
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "--version") return;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::ranges::find(names, first) == names.end()) {
    throw murmur::InvalidArgument("expected one of {} first, got '{}'", fmt::join(names, ", "), first);
  }
}

/// The command that the words name: "study show" of "study show s.db".
const CLI::App& command_of(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

/// "murmur study show"
std::string name_of(const CLI::App& command) {
  const std::string& name = command.get_name();
  return command.get_parent() == nullptr ? name : name_of(*command.get_parent()) + " " + name;
}

/// What was probably meant by the first option that the command does not have; CLI11 lists what is left, backwards.
std::string unexpected(const CLI::App& command, const std::vector<std::string>& arguments,
                       const std::string& otherwise) {
  std::vector<std::string_view> names;
  const bool has_set = command.get_option_no_throw("--set") != nullptr;
  if (has_set) {
    for (const murmur::TechniqueInfo& info : murmur::techniques()) names.push_back(info.key);
  }
  const auto num_techniques = names.size();
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.emplace_back(name);
  }
  for (const std::string& argument : arguments) {
    const std::string word = argument.substr(0, argument.find('='));
    if (!word.starts_with("--") || word == "--" || command.get_option_no_throw(word) != nullptr) continue;
    const std::string_view meant = murmur::nearest(word.substr(2), names);
    const auto place = std::ranges::find(names, meant) - names.begin();
    const std::string hint = meant.empty() ? ""
                             : place < static_cast<std::ptrdiff_t>(num_techniques)
                                 ? fmt::format("; did you mean --set {}=...?", meant)
                                 : fmt::format("; did you mean --{}?", meant);
    return fmt::format("expected options of {}, got {}{}", name_of(command), word, hint);
  }
  return otherwise;
}

int run(int argc, char** argv) {
  CLI::App app("murmur: where, and how much, should randomness be injected into training?", "murmur");
  app.require_subcommand(1);
  app.set_version_flag("--version", murmur::app::version_text);  // which loads cuDNN: only where it is asked for
  const std::vector<std::pair<std::string, murmur::app::Run>> commands{
      {"info", murmur::app::add_info(app)},      {"data", murmur::app::add_data(app)},
      {"train", murmur::app::add_train(app)},    {"predict", murmur::app::add_predict(app)},
      {"search", murmur::app::add_search(app)},  {"analyse", murmur::app::add_analyse(app)},
      {"ablate", murmur::app::add_ablate(app)},  {"baseline", murmur::app::add_baseline(app)},
      {"replay", murmur::app::add_replay(app)},  {"study", murmur::app::add_study(app)},
      {"report", murmur::app::add_report(app)},  {"profile", murmur::app::add_profile(app)},
      {"preview", murmur::app::add_preview(app)}};
  // Not an option of the program: for its installation.
  if (argc == 3 && std::string_view(argv[1]) == "--generate") {
    fmt::print("{}", murmur::app::generate(app, argv[2]));
    return kSuccess;
  }
  murmur::app::remember_command({argv + 1, argv + argc});
  std::vector<std::string> arguments = murmur::app::expand_config({argv + 1, argv + argc});
  check_command(arguments, app);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", murmur::app::fitted(app.help(), STDOUT_FILENO));
    return kSuccess;
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ExtrasError& error) {
    const CLI::App& command = command_of(app);
    return fail(kUsage,
                fmt::format("{} (see {} --help)", unexpected(command, arguments, error.what()), name_of(command)));
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, fmt::format("{} (see {} --help)", error.what(), name_of(command_of(app))));
  }
  for (const auto& [name, command] : commands) {
    if (app.got_subcommand(name)) return command();
  }
  return kSuccess;
}

/// What was printed is out only now: a full disk must not pass for success.
int finish_output(int code) {
  const bool was_written = std::ferror(stdout) == 0;
  if ((std::fflush(stdout) == 0 && was_written) || code != kSuccess) return code;
  return fail(kFailure, fmt::format("standard output: expected to write everything, got an error: {}",
                                    was_written ? std::strerror(errno) : "is the disk full?"));
}

/// `f`, and its errors as a line and an exit code.
template <class F>
int with_error_codes(const F& f) {
  try {
    return f();
  } catch (const murmur::InvalidArgument& error) {
    return fail(kUsage, error.what());
  } catch (const murmur::DataError& error) {
    return fail(kData, error.what());
  } catch (const murmur::StudyError& error) {
    return fail(kData, error.what());
  } catch (const murmur::DeviceUnavailable& error) {
    return fail(kDevice, error.what());
  } catch (const murmur::GpuError& error) {
    return fail(kDevice, error.what());
  } catch (const std::bad_alloc&) {
    return fail(
        kFailure,
        "expected more memory than this machine has left; try fewer networks, slots or rows at a time (--micro-batch)");
  } catch (const std::exception& error) {
    return fail(kFailure, error.what());
  }
}

/// The line where there is no memory for one.
void say_no_memory() {
  constexpr std::string_view kLine = "murmur: expected more memory than this machine has left\n";
  [[maybe_unused]] const ssize_t count = ::write(STDERR_FILENO, kLine.data(), kLine.size());
}

/// The same, also where there is no memory for the line.
template <class F>
int with_errors(const F& f) {
  try {
    return with_error_codes(f);
  } catch (const std::exception&) {
    say_no_memory();
    return kFailure;
  }
}

std::terminate_handler terminate_otherwise = std::abort;

/// Destructors of nlohmann::json allocate, and noexcept functions of CLI11: where that fails, no handler is asked. What
/// a run has acknowledged is on disk; it ends here as where it is killed, but says why.
void terminate() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    say_no_memory();
    ::_exit(kFailure);
  } catch (...) {
    terminate_otherwise();
  }
  terminate_otherwise();
}

}  // namespace

int main(int argc, char** argv) {
  terminate_otherwise = std::set_terminate(terminate);
  // A reader that has gone, and a limit of file sizes, are errors of a write like others: one line.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return with_errors([&] {
    murmur::app::Cluster cluster;
    if (cluster.serves()) {
      cluster.serve();
      return int{kSuccess};
    }
    return cluster.leave(with_errors([&] { return finish_output(run(argc, argv)); }));
  });
}
