#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "murmur/engine/safetensors.hpp"
#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"

namespace murmur {
namespace {

using test::Folder;
using test::read_text;
using test::run_murmur;
using test::write_dataset;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The program on a terminal of its own.
class Terminal {
 public:
  Terminal(const std::string& arguments, uint16_t columns, const std::string& environment = "") {
    winsize size{};
    size.ws_row = 40;
    size.ws_col = columns;
    child_ = forkpty(&descriptor_, nullptr, nullptr, &size);
    if (child_ == 0) {
      const std::string line =
          "env -u NO_COLOR TERM=xterm " + environment + " " + std::string(MURMUR_PROGRAM) + " " + arguments;
      execl("/bin/sh", "sh", "-c", ("exec " + line).c_str(), nullptr);
      _exit(127);
    }
  }
  ~Terminal() { close(descriptor_); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Reads until the words come behind those that were waited for before. False when they did not come.
  bool wait_for(const std::string& words) {
    size_t found = 0;
    while ((found = output_.find(words, waited_for_)) == std::string::npos) {
      if (!read_some()) return false;
    }
    waited_for_ = found + words.size();
    return true;
  }
  void interrupt() const { kill(child_, SIGINT); }
  /// The exit status, after all output.
  int finish() {
    while (read_some()) {
    }
    int status = 0;
    waitpid(child_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& output() const { return output_; }

 private:
  bool read_some() {
    pollfd entry{descriptor_, POLLIN, 0};
    if (poll(&entry, 1, 120000) != 1) return false;
    char buffer[4096];
    const ssize_t count = read(descriptor_, buffer, sizeof(buffer));
    if (count <= 0) return false;  // EIO: nobody is at the other end
    output_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  int descriptor_ = -1;
  pid_t child_ = -1;
  std::string output_;
  size_t waited_for_ = 0;  // up to where
};

/// What stood on the terminal at one time or another, without colours.
std::vector<std::string> screen_lines(const std::string& output) {
  std::vector<std::string> lines;
  std::string plain;
  bool in_colour = false;  // between an escape character and its m
  for (const char c : output) {
    if (c == '\033') in_colour = true;
    if (!in_colour) plain += c;
    if (c == 'm') in_colour = false;
  }
  std::ranges::replace(plain, '\r', '\n');
  std::istringstream stream(plain);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

size_t width_of(const std::string& line) {
  size_t width = 0;
  for (const char c : line) width += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u ? 1 : 0;
  return width;
}

std::string small_search(const Folder& folder, const std::string& study, const std::string& rest = "") {
  return "search --device cpu --micro-batch 32 --data " + folder.path() + " --study " + (folder / study) +
         " --particles 4 --slots 3 --trials 8 --epochs 2 --repeats 2 --confirm 2 --seed 5 --patience 100 "
         "--abort-below 0 " +
         rest;
}

TEST(TerminalTest, ProgressFitsEveryWidth) {
  const Folder folder;
  write_dataset(folder);
  for (const uint16_t columns : std::array<uint16_t, 3>{40, 80, 200}) {
    const std::string study = std::to_string(columns) + ".db";
    Terminal terminal(small_search(folder, study), columns);
    ASSERT_EQ(terminal.finish(), 0) << terminal.output();
    EXPECT_THAT(terminal.output(), HasSubstr("trials 8/8"));
    for (const std::string& line : screen_lines(terminal.output())) {
      if (line.find("trials ") == 0 || line.find("search") == 0) {
        EXPECT_LE(width_of(line), columns) << line;
      }
    }
    const bool has_room = columns >= 80;
    EXPECT_EQ(terminal.output().find(" · baseline 0.") != std::string::npos, has_room) << columns;
    EXPECT_EQ(terminal.output().find("0 diverged  ") != std::string::npos, columns == 200) << columns;
  }
}

TEST(TerminalTest, ColoursAreWhereTheyAreTaken) {
  const Folder folder;
  write_dataset(folder);
  const std::string train = "train --device cpu --micro-batch 32 --epochs 2 --data " + folder.path();
  const auto output = [&](const std::string& environment) {
    Terminal terminal(train, 200, environment);
    EXPECT_EQ(terminal.finish(), 0) << terminal.output();
    EXPECT_THAT(terminal.output(), HasSubstr("epoch 2/2"));
    return terminal.output();
  };
  EXPECT_THAT(output(""), HasSubstr("\033["));
  EXPECT_THAT(output("NO_COLOR=1"), Not(HasSubstr("\033[")));
  EXPECT_THAT(output("TERM=dumb"), Not(HasSubstr("\033[")));
  EXPECT_THAT(run_murmur(train).output, Not(HasSubstr("\033[")));
}

/// Epochs of a second or so.
std::string slow_command(const Folder& folder, const std::string& study) {
  return small_search(folder, study, "--model 'flatten linear512 linear512 linear' --trials 5 --confirm 0 --repeats 1");
}

TEST(TerminalTest, ASecondInterruptStopsWithinTheEpochAndTheStudyGoesOn) {
  const Folder folder;
  write_dataset(folder, 6000);
  ASSERT_EQ(run_murmur(slow_command(folder, "whole.db")).exit_code, 0);
  Terminal terminal(slow_command(folder, "stopped.db"), 80);
  ASSERT_TRUE(terminal.wait_for("trials 2/5")) << terminal.output();
  terminal.interrupt();
  ASSERT_TRUE(terminal.wait_for("finishing this epoch")) << terminal.output();
  ASSERT_TRUE(terminal.wait_for("again to stop now"));
  terminal.interrupt();
  EXPECT_EQ(terminal.finish(), 130) << terminal.output();
  EXPECT_THAT(terminal.output(), HasSubstr("the same command goes on from there"));
  const auto resumed = run_murmur(slow_command(folder, "stopped.db"));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_THAT(resumed.output, HasSubstr("goes on with the study"));
  const auto trials = [&](const char* study) { return Study::open_read_only(folder / study).trials(); };
  const std::vector<TrialRecord> whole = trials("whole.db"), stopped = trials("stopped.db");
  ASSERT_EQ(whole.size(), stopped.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(whole[i].position, stopped[i].position) << i;
    EXPECT_EQ(whole[i].intermediate, stopped[i].intermediate) << i;
  }
}

TEST(TerminalTest, ATrainingThatIsInterruptedKeepsItsLastEpoch) {
  const Folder folder;
  write_dataset(folder, 3000);
  Terminal terminal("train --device cpu --micro-batch 32 --epochs 100000 --data " + folder.path() + " --checkpoint " +
                        (folder / "c") + " --every 100000",
                    80);
  ASSERT_TRUE(terminal.wait_for("validation")) << terminal.output();
  terminal.interrupt();
  EXPECT_EQ(terminal.finish(), 130) << terminal.output();
  EXPECT_THAT(terminal.output(), AllOf(HasSubstr("of 100000 epochs; --resume "), Not(HasSubstr("diverged"))));
  EXPECT_TRUE(std::filesystem::exists(folder / "c"));
}

TEST(TerminalTest, ATrainingThatIsInterruptedSavesWhatItWasToSave) {
  const Folder folder;
  write_dataset(folder, 3000);
  Terminal terminal("train --device cpu --micro-batch 32 --networks 2 --epochs 100000 --data " + folder.path() +
                        " --save " + (folder / "w") + " --json " + (folder / "json"),
                    80);
  ASSERT_TRUE(terminal.wait_for("validation")) << terminal.output();
  terminal.interrupt();
  EXPECT_EQ(terminal.finish(), 130) << terminal.output();
  const nlohmann::json report = nlohmann::json::parse(read_text(folder / "json"));
  const std::string epochs = std::to_string(report.at("stopped_after").get<int64_t>());
  EXPECT_EQ(read_safetensors(folder / "w").text("epochs"), epochs);
  EXPECT_THAT(terminal.output(),
              HasSubstr("stopped after " + epochs + " of 100000 epochs; the weights of epoch " + epochs));
  EXPECT_EQ(report["networks"][0]["history"].size(), report["stopped_after"]);
  EXPECT_TRUE(report["networks"][0]["test_accuracy"].is_null());
}

TEST(TerminalTest, HelpFitsIt) {
  for (const char* command : {"train --help", "search --help"}) {
    Terminal terminal(command, 80);
    EXPECT_EQ(terminal.finish(), 0) << terminal.output();
    EXPECT_THAT(terminal.output(), HasSubstr("probability to zero a hidden activation"));
    for (const std::string& line : screen_lines(terminal.output())) EXPECT_LE(width_of(line), 80u) << line;
  }
}

TEST(TerminalTest, TestingIsNoEpoch) {
  const Folder folder;
  write_dataset(folder, 6000);
  Terminal terminal(
      "train --device cpu --model 'flatten linear512 linear512 linear' --micro-batch 32 --networks 4 --epochs 1 "
      "--data " +
          folder.path(),
      80);
  EXPECT_EQ(terminal.finish(), 0) << terminal.output();
  EXPECT_THAT(terminal.output(), Not(HasSubstr("epoch 2/1")));
  for (const std::string& line : screen_lines(terminal.output())) {
    EXPECT_TRUE(line.find("train loss") == std::string::npos || line.starts_with("  seed")) << line;
  }
}

}  // namespace
}  // namespace murmur
