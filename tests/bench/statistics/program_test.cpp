// bench_statistics as a program: its streams, its files, its exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/statistics/walk.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::bench {
namespace {

using ::testing::HasSubstr;

#if defined(MURMUR_BENCH_STATISTICS)

struct Result {
  int exit_code;
  std::string output;
};

/// Runs a shell's command with $B as the program.
Result run(const std::string& command) {
  std::FILE* pipe = popen(("B='" MURMUR_BENCH_STATISTICS "'; " + command).c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer;
  for (size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) output.append(buffer.data(), n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(StatisticsProgram, RawStreamIsTheWordsOfEachLayout) {
  for (const Walk& order : walks()) {
    const Result result = run("$B --raw --seed 5 --bytes 40000 --layout " + std::string(order.name));
    EXPECT_EQ(result.exit_code, 0);
    ASSERT_EQ(result.output.size(), 40000);
    std::vector<uint32_t> expected(10000);
    read_words(order, 5, 0, expected);
    EXPECT_EQ(std::memcmp(result.output.data(), expected.data(), 40000), 0) << order.name;
  }
}

TEST(StatisticsProgram, RawStreamEndsWhenNobodyReadsOn) {
  EXPECT_EQ(run("{ $B --raw 2>&1 >&3; echo \"$?\" >&2; } 3>&1 2>/dev/null | head -c 100 | wc -c").output, "100\n");
  EXPECT_EQ(run("bash -c 'set -o pipefail; \"$1\" --raw | head -c 5 >/dev/null' x \"$B\"").exit_code, 0);
}

TEST(StatisticsProgram, RawStreamIntoAFullDiskIsAnError) {
  const Result result = run("$B --raw 2>&1 >/dev/full");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.output, "bench_statistics: standard output: No space left on device\n");
}

TEST(StatisticsProgram, WritesPageAndJson) {
  const test::TemporaryFolder folder;
  folder.write("page.md", "# Head\n<!-- bench_statistics -->\n<!-- end of bench_statistics -->\nfoot\n");
  const std::string files = " --page " + (folder / "page.md").string() + " --json " + (folder / "r.json").string();
  const Result result = run("$B --elements 100000 --only rotation" + files + " 2>/dev/null");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("as independent draws would"));
  const std::string page = text_of(folder / "page.md");
  EXPECT_THAT(page, HasSubstr("| rotation | uniform in (-0.1, 0.1) |"));
  EXPECT_THAT(page, ::testing::StartsWith("# Head\n"));
  EXPECT_THAT(page, ::testing::EndsWith("foot\n"));
  EXPECT_EQ(nlohmann::json::parse(text_of(folder / "r.json")).at("benchmark"), "statistics");
}

TEST(StatisticsProgram, SaysWhatIsWrongWithItsOptions) {
  const test::TemporaryFolder folder;
  folder.write("page.md", "no section\n");
  EXPECT_EQ(run("$B --elements 10 2>&1").exit_code, 2);
  EXPECT_EQ(run("$B --layout item 2>&1").exit_code, 2);
  const Result unknown = run("$B --raw --layout lane 2>&1");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.output, HasSubstr("--layout: expected one of element, item"));
  EXPECT_EQ(run("$B --only nothing_of_that_name 2>&1").exit_code, 2);
  EXPECT_EQ(run("$B --elements 100000 --only flip --page " + (folder / "page.md").string() + " 2>&1").exit_code, 2);
  EXPECT_EQ(run("$B --elements 100000 --only flip --page " + (folder / "none.md").string() + " 2>&1").exit_code, 1);
}

#endif

}  // namespace
}  // namespace murmur::bench
