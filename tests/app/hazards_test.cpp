// What signals, neighbours, pipes, limits and odd names do to the program: one line, and nothing lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "app/accuracy_text.hpp"
#include "app/train_command.hpp"
#include "murmur/pso/study.hpp"
#include "tests/app/child.hpp"
#include "tests/app/search_command.hpp"

namespace murmur {
namespace {

using test::becomes_true;
using test::Child;
using test::Folder;
using test::read_text;
using test::run_murmur;
using test::search_command;
using test::write_text;
using ::testing::HasSubstr;
using ::testing::Not;

int64_t num_trials(const std::string& study) {
  return std::filesystem::exists(study) ? Study::open_read_only(study).num_trials() : 0;
}

bool has_best(const std::string& study) {
  return std::filesystem::exists(study) && Study::open_read_only(study).best_trial().has_value();
}

TEST(Hazards, ASecondSearchOnAStudyIsRefusedAndTheFirstGoesOn) {
  const Folder folder;
  test::write_dataset(folder);
  const std::string endless = " --quiet --abort-below 0 --trials 0 --patience 100000";
  Child first(search_command(folder, "s.db", endless), folder / "log");
  ASSERT_TRUE(becomes_true([&] { return has_best(folder / "s.db"); }));
  const auto second = run_murmur(search_command(folder, "s.db", endless));
  EXPECT_EQ(second.exit_code, 3);
  EXPECT_THAT(second.output, HasSubstr("expected no other command at work on 'murmur', got one that is running"));
  const auto analysis = run_murmur("analyse --study " + (folder / "s.db") + " --data " + folder.path());
  EXPECT_EQ(analysis.exit_code, 3) << analysis.output;
  const int64_t before = num_trials(folder / "s.db");
  EXPECT_TRUE(becomes_true([&] { return num_trials(folder / "s.db") > before; }));
  EXPECT_EQ(first.end(SIGINT), 130) << read_text(folder / "log");
  EXPECT_FALSE(std::filesystem::exists(folder / "s.db-lock"));
}

// As Ctrl-C: a terminal that is closed ends a search in order.
TEST(Hazards, AHangupStopsAfterTheEpoch) {
  const Folder folder;
  test::write_dataset(folder);
  Child child(search_command(folder, "s.db", " --quiet --abort-below 0 --trials 0 --patience 100000"), folder / "log");
  ASSERT_TRUE(becomes_true([&] { return has_best(folder / "s.db"); }));
  EXPECT_EQ(child.end(SIGHUP), 128 + SIGHUP);
  EXPECT_THAT(read_text(folder / "log"), HasSubstr("the same command goes on from there"));
}

TEST(Hazards, UnderNohupAHangupIsNone) {
  const Folder folder;
  test::write_dataset(folder);
  const std::string command = search_command(folder, "s.db", " --quiet --abort-below 0");
  const auto result = run_murmur(command + " & sleep 0.2; kill -HUP $!; wait $!", "trap '' HUP; ");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(num_trials(folder / "s.db"), 12);
}

// The pipe is closed before the program begins to write.
TEST(Hazards, AReaderThatHasGoneIsOneLine) {
  const Folder folder;
  const std::string errors = folder / "errors";
  const std::string program = std::string(MURMUR_PROGRAM) + " --help";
  const auto result =
      run_murmur("--version", "{ sleep 0.3; " + program + " 2>" + errors + "; echo $? >>" + errors + "; } | :; ");
  EXPECT_THAT(read_text(errors), testing::MatchesRegex("murmur: [^\n]*Broken pipe\n1\n")) << result.output;
}

TEST(Hazards, AFileSizeLimitIsOneLine) {
  const Folder folder;
  test::write_dataset(folder);
  const auto result = run_murmur(search_command(folder, "s.db", " --quiet"), "ulimit -f 64; ");  // of 512 bytes
  EXPECT_NE(result.exit_code, 0);
  EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("murmur: study"));
}

TEST(Hazards, NamesDoNotCommandATerminal) {
  const Folder folder;
  StudyDefinition definition;
  definition.name =
      "red\x1b[31m and\x07 \xc2\x9b"
      "1m \xc3\xa9";
  definition.space = SearchSpace({Technique::kDropout});
  definition.attributes = {{"a\x1b[2J", "b\x1b[2J"}};
  {
    Study study = Study::create_or_open(folder / "s.db", definition);
    study.finish_trial(study.begin_trial(1, std::vector<double>{0.25}), {.value = 0.5});
  }
  for (const char* command : {"study list ", "study show "}) {
    const auto result = run_murmur(std::string(command) + (folder / "s.db"));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("red\\x1b[31m and\\x07 \\x9b1m \xc3\xa9"));
    EXPECT_THAT(result.output, Not(HasSubstr("\x1b")));
  }
  const auto refused = run_murmur("study show '" + (folder / "no\x1b[31m.db") + "'");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.output, HasSubstr("no\\x1b[31m.db"));
}

TEST(Hazards, ALargeConfigurationIsNone) {
  const Folder folder;
  write_text(folder / "c.toml", std::string((1 << 20) + 1, '#'));
  const auto result = run_murmur("train --config " + (folder / "c.toml"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("expected a TOML file of at most 1048576 bytes"));
}

TEST(Hazards, AConfigurationWithoutAnEndIsNone) {
  const auto result = run_murmur("train --config /dev/zero");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("expected a TOML file of at most 1048576 bytes, got more in '/dev/zero'"));
  const auto start = run_murmur("search --study x.db --trials 3 --start /dev/zero");
  EXPECT_EQ(start.exit_code, 2);
  EXPECT_THAT(start.output, HasSubstr("or a file of at most 1048576 bytes"));
}

TEST(Hazards, CommandsThatAreShownDoNotCommandATerminal) {
  EXPECT_EQ(app::shown_shell_line({"murmur", "a b", "it's"}), "murmur 'a b' 'it'\\''s'");
  EXPECT_EQ(app::shown_shell_line({"red\x1b[31m'\\ \xc2\x9b"}), "$'red\\x1b[31m\\'\\\\ \\xc2\\x9b'");
}

TEST(Hazards, WhatDivergedIsCounted) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(app::accuracy_text({0.5, 0.7, kNan, 0.6}), "0.6000 ± 0.0577, 1 of 4 diverged");
  EXPECT_EQ(app::accuracy_text({kNan, 0.5}), "0.5000, 1 of 2 diverged");
  EXPECT_EQ(app::accuracy_text({0.5}), "0.5000");
  EXPECT_EQ(app::accuracy_text({kNan, kNan}), "all of 2 diverged");
  EXPECT_EQ(app::accuracy_text({}), "-");
  EXPECT_EQ(app::accuracy_percent_text({0.5, 0.7, kNan}), "60.00 ± 10.00 %, 1 of 3 diverged");
}

TEST(Hazards, WhatDivergedIsNoPartOfAMean) {
  const Folder folder;
  test::write_dataset(folder);
  const auto result = run_murmur("train --device cpu --quiet --data " + folder.path() +
                                 " --networks 6 --epochs 3 --micro-batch 32 --loss-reduction sum"
                                 " --set learning_rate=10 --set optimizer=momentum"
                                 " --model 'flatten linear64 linear64 linear64 linear'");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  const size_t num_diverged = test::count_of(result.output, "  diverged\n");
  ASSERT_GT(num_diverged, 0u) << result.output;
  const std::string others = std::to_string(num_diverged);
  EXPECT_THAT(result.output, HasSubstr(num_diverged == 6 ? "all of 6 diverged" : " of 6, " + others + " diverged"));
  EXPECT_THAT(result.output, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace murmur
