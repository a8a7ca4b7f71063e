// Whether the random numbers of training are what they are said to be: tests of every distribution and technique
// against its exact law, and of independence in every coordinate of their addresses; or the generator's words as a raw
// stream.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "bench/common.hpp"
#include "bench/statistics/report.hpp"
#include "bench/statistics/walk.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::bench {
namespace {

constexpr const char* kSection = "bench_statistics";

struct Options {
  BatteryOptions battery;
  bool raw = false;
  std::string layout = "element";
  int64_t bytes = 0;
  bool all = false;
  std::string json, page, commit;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("{}: {}", path, std::strerror(errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Words in the machine's order, until `bytes` are written (0: until nobody reads on).
int write_raw(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  const Walk& order = walk(options.layout);
  std::array<uint32_t, 4096> words{};
  int64_t left = options.bytes > 0 ? options.bytes : std::numeric_limits<int64_t>::max();
  for (uint64_t first = 0; left > 0; first += words.size()) {
    read_words(order, options.battery.seed, first, words);
    const auto count = static_cast<size_t>(std::min(left, static_cast<int64_t>(sizeof words)));
    if (std::fwrite(words.data(), 1, count, stdout) != count || std::fflush(stdout) != 0) {
      if (errno == EPIPE) return 0;
      throw Error("standard output: {}", std::strerror(errno));
    }
    left -= static_cast<int64_t>(count);
  }
  return 0;
}

/// What a battery takes minutes for must have its place: before it runs.
void check_outputs(const Options& options) {
  if (!options.page.empty()) with_section(text_of(options.page), kSection, "");
  for (const std::string& path : {options.page, options.json}) {
    if (!path.empty() && !is_writable(path)) throw Error("{}: cannot be written", path);
  }
}

int benchmark(Options options, std::span<char* const> arguments) {
  if (options.raw) return write_raw(options);
  check_outputs(options);
  options.battery.on_subject = [](const std::string& name) { fmt::print(stderr, "{}\n", name); };
  const Report report = run_battery(options.battery);
  fmt::print("{}{}", text_table(report, options.all), verdict_text(report));
  const nlohmann::json source = provenance(parse_device("cpu"), options.commit, arguments);
  if (!options.page.empty()) {
    // It may have been edited in the meantime.
    write_file(options.page, with_section(text_of(options.page), kSection, markdown_tables(report)));
  }
  if (!options.json.empty()) {
    nlohmann::json json = source;
    json["benchmark"] = "statistics";
    json.update(report_json(report));
    write_json(options.json, json);
  }
  return report.passes() ? 0 : 1;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("tests of the random numbers; exits with 1 where they fail as a family", "bench_statistics");
  app.add_option("--elements", options.battery.num_elements, "values of each test")
      ->check(CLI::Range(int64_t{100'000}, int64_t{1'000'000'000}))
      ->capture_default_str();
  app.add_option("--seed", options.battery.seed, "the key of the generator")->capture_default_str();
  app.add_option("--only", options.battery.only, "only what has this in its name");
  app.add_flag("--all", options.all, "a line a test, not only that with the least p of each");
  app.add_option("--page", options.page, "write the tables into this page, docs/statistics.md");
  app.add_option("--json", options.json, "write all results to this file");
  app.add_option("--commit", options.commit, "commit to record (default: the source tree's)");
  std::string layouts;
  for (const Walk& one : walks()) layouts += fmt::format("\n  {}: {}", one.name, one.help);
  auto* raw =
      app.add_flag("--raw", options.raw, "write the generator's words to standard output, for dieharder -g 200");
  app.add_option("--layout", options.layout, "their order:" + layouts)->capture_default_str()->needs(raw);
  app.add_option("--bytes", options.bytes, "end after so many (default: when nobody reads on)")
      ->check(CLI::PositiveNumber)
      ->needs(raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return benchmark(std::move(options), {argv, static_cast<size_t>(argc)});
}

}  // namespace
}  // namespace murmur::bench

int main(int argc, char** argv) {
  return murmur::bench::guarded_main("bench_statistics", [&] { return murmur::bench::run(argc, argv); });
}
