#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"
#include "tests/app/search_command.hpp"
#include "tests/app/trained_again.hpp"

// What a search ends with.
namespace murmur {
namespace {

using test::Folder;
using test::read_text;
using test::run_murmur;
using test::search_command;
using test::trained_again;
using test::write_dataset;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> answer_lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// In characters, of which ± is one.
int64_t columns_of(const std::string& line) {
  return std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

TEST(Answer, EndsWithAVerdictAboutTheBestConfirmedTrial) {
  const Folder folder;
  write_dataset(folder);
  const std::string command =
      search_command(folder, "a.db", "--abort-below 0 --confirm 3 --repeats 3 --json " + (folder / "a.json"));
  const auto result = run_murmur(command + " --quiet");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const auto report = nlohmann::json::parse(read_text(folder / "a.json"));
  const auto& confirmation = report["confirmation"];
  ASSERT_EQ(confirmation["rows"].size(), 3U);
  EXPECT_EQ(confirmation["baseline"]["accuracies"].size(), 3U);
  EXPECT_GE(confirmation["rows"][0]["mean"], confirmation["rows"][1]["mean"]);
  EXPECT_EQ(confirmation["first_seed"], 5 + (int64_t{1} << 40) + (int64_t{1} << 29));
  const auto& verdict = report["verdict"];
  EXPECT_EQ(verdict["trial"], confirmation["rows"][0]["trial"]);
  EXPECT_EQ(verdict["winner"]["accuracies"], report["rows"][1]["test_accuracies"]);
  EXPECT_EQ(verdict["baseline"]["accuracies"], report["rows"][0]["test_accuracies"]);
  EXPECT_LE(verdict["interval"][0], verdict["difference"]);
  EXPECT_GE(verdict["interval"][1], verdict["difference"]);
  EXPECT_GE(verdict["standard_error"], 0);
  EXPECT_THAT(verdict["text"].get<std::string>(), HasSubstr("all off"));
  const std::vector<std::string> lines = answer_lines(result.output);
  std::vector<std::string> commands;
  for (const std::string& line : lines) {
    const bool is_command = line.starts_with("    murmur train ");
    if (is_command) commands.push_back(line.substr(4));
    if (!is_command && line != lines.back()) {
      EXPECT_LE(columns_of(line), 80) << line;
    }
  }
  EXPECT_THAT(commands, ElementsAre(confirmation["rows"][0]["command"], report["rows"][1]["command"]));
  EXPECT_EQ(trained_again(confirmation["baseline"], folder, "validation_accuracy"),
            confirmation["baseline"]["accuracies"]);
  for (const auto& row : confirmation["rows"]) {
    EXPECT_EQ(trained_again(row, folder, "validation_accuracy"), row["accuracies"]);
  }
  for (const auto& row : report["rows"]) {
    EXPECT_EQ(trained_again(row, folder, "test_accuracy"), row["test_accuracies"]);
  }
  EXPECT_THAT(lines.back(), HasSubstr(folder / "a.db"));
  EXPECT_THAT(lines.at(lines.size() - 2) + lines.at(lines.size() - 3), HasSubstr("95 % interval"));
  // Each step that is finished is not done again, and one that is not, is.
  const auto expect_done = [&](bool confirmed, bool tested) {
    const auto again = run_murmur(command);
    ASSERT_EQ(again.exit_code, 0) << again.output;
    EXPECT_EQ(again.output.find("confirmation  ") != std::string::npos, confirmed) << again.output;
    EXPECT_EQ(again.output.find("final test, on ") != std::string::npos, tested) << again.output;
    EXPECT_THAT(again.output, HasSubstr(result.output));
    EXPECT_EQ(nlohmann::json::parse(read_text(folder / "a.json"))["verdict"], verdict);
  };
  expect_done(false, false);
  SQLite::Database(folder / "a.db", SQLite::OPEN_READWRITE)
      .exec("DELETE FROM study_user_attributes WHERE key = 'final_test'");
  expect_done(false, true);
  SQLite::Database(folder / "a.db", SQLite::OPEN_READWRITE)
      .exec("DELETE FROM study_user_attributes WHERE key = 'confirmation'");
  expect_done(true, false);
}

TEST(Answer, WithoutConfirmationTheBestTrialIsTested) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(search_command(
      folder, "a.db",
      "--abort-below 0 --search dropout --start none --set dropout=0.4 --confirm 0 --json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const auto report = nlohmann::json::parse(read_text(folder / "a.json"));
  EXPECT_TRUE(report["confirmation"].is_null());
  EXPECT_EQ(report["verdict"]["trial"], Study::open_read_only(folder / "a.db").best_trial()->number);
  EXPECT_THAT(report["verdict"]["text"].get<std::string>(), HasSubstr("the baseline")) << "where not all is off";
}

TEST(Answer, WithoutACompleteTrialThereIsNoVerdict) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(search_command(
      folder, "a.db",
      "--trials 4 --set learning_rate=1e-8 --search dropout --abort-below 1 --json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("no complete trial differs from the baseline: nothing to test"));
  const auto report = nlohmann::json::parse(read_text(folder / "a.json"));
  EXPECT_TRUE(report["verdict"].is_null());
  EXPECT_TRUE(report["confirmation"].is_null());
}

TEST(Answer, TheFinalTestTransfersSchedulesToItsEpochs) {
  const Folder folder;
  write_dataset(folder);
  // Halved every epoch, this learning rate leaves the networks half-trained; halved once in eight epochs it does not.
  const std::string set = "--set optimizer=adam --set learning_rate=0.002 --set learning_rate_schedule=";
  const std::string search =
      "--search learning_rate --start none --particles 1 --trials 1 --abort-below 0 --repeats 1 ";
  const auto result = run_murmur(
      search_command(folder, "a.db", search + set + "-0.9 --final-epochs 8 --quiet --json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("1 training of 8 epochs on train + validation"));
  const auto report = nlohmann::json::parse(read_text(folder / "a.json"));
  EXPECT_EQ(report["epochs"], 8);
  EXPECT_EQ(report["schedule_epochs"], 2);
  EXPECT_EQ(report["confirmation"]["epochs"], 8);
  const auto& baseline = report["rows"][0];
  EXPECT_EQ(baseline["setting"]["learning_rate_schedule"], -0.9);
  // The same training, asked for by hand: with the schedule of two epochs, and with what it is in eight.
  const auto accuracy = [&](const std::string& rest) {
    const auto trained = run_murmur("train --quiet --device cpu --micro-batch 32 --train-on-all --data " +
                                    folder.path() + " --epochs 8 --json " + (folder / "t.json") + " --seed " +
                                    std::to_string(report["first_seed"].get<uint64_t>()) + " " + set + rest);
    EXPECT_EQ(trained.exit_code, 0) << trained.output;
    return nlohmann::json::parse(read_text(folder / "t.json"))["networks"][0]["test_accuracy"];
  };
  EXPECT_EQ(accuracy("-0.9 --schedule-epochs 2"), baseline["test_accuracies"][0]);
  EXPECT_EQ(accuracy("-0.6"), baseline["test_accuracies"][0]);
  EXPECT_NE(accuracy("-0.9"), baseline["test_accuracies"][0]);
  EXPECT_EQ(accuracy("-0.9"), accuracy("-0.9 --schedule-epochs 2 --schedule-transfer interval"));
  // Another number of epochs is another test, the same one is not trained again.
  ASSERT_EQ(
      run_murmur(search_command(folder, "a.db", search + set + "-0.9 --quiet --json " + (folder / "b.json"))).exit_code,
      0);
  EXPECT_EQ(nlohmann::json::parse(read_text(folder / "b.json"))["epochs"], 2);
}

}  // namespace
}  // namespace murmur
