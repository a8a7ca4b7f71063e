#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "murmur/pso/study.hpp"
#include "tests/app/run.hpp"

namespace murmur {
namespace {

using nlohmann::json;
using test::Folder;
using test::run_murmur;
using test::write_dataset;
using ::testing::HasSubstr;

/// Leaves standard error out of a program's output.
constexpr const char* kReportOnly = " 2> /dev/null #";

/// A data set and a search of it, in a file whose name a shell must be told to take as one word.
class Replay : public ::testing::Test {
 protected:
  void SetUp() override {
    write_dataset(folder_);
    const auto search = run_murmur(
        "search --micro-batch 32 --loss-reduction sum --abort-below 0.11" + place() +
        "--particles 4 --slots 3 --trials 12 --epochs 3 --confirm 0 --repeats 2 --seed 5 --study " + study());
    ASSERT_EQ(search.exit_code, 0) << search.output;
  }
  std::string path() const { return folder_ / "a study.db"; }
  std::string study() const { return fmt::format("'{}'", path()); }
  std::string place() const { return " --device cpu --data " + folder_.path() + " "; }

  Folder folder_;
};

TEST_F(Replay, EveryTrialIsTheSameToTheLastBit) {
  const std::vector<TrialRecord> trials = Study::open_read_only(path()).trials();
  for (const TrialRecord& trial : trials) {
    const auto result = run_murmur("replay --study " + study() + place() + "--trial " + std::to_string(trial.number));
    EXPECT_EQ(result.exit_code, 0) << trial_state_name(trial.state) << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr("to the last bit"));
  }
}

TEST_F(Replay, SaysWhichEpochDiffers) {
  const TrialRecord best = *Study::open_read_only(path()).best_trial();
  SQLite::Database(path(), SQLite::OPEN_READWRITE)
      .exec(
          "UPDATE trial_intermediate_values SET intermediate_value = intermediate_value + 1e-15 "
          "WHERE step = 2 AND trial_id = (SELECT trial_id FROM trials WHERE number = " +
          std::to_string(best.number) + ")");
  const auto result = run_murmur("replay --study " + study() + place() + "--trial best");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("epoch 2 differs"));
  const auto report = run_murmur("replay --quiet --json - --study " + study() + place() + kReportOnly);
  EXPECT_EQ(report.exit_code, 1);
  const json parsed = json::parse(report.output);
  EXPECT_EQ(parsed["format"], "murmur-replay-1");
  EXPECT_EQ(parsed["same"], false);
  EXPECT_EQ(parsed["first_difference"], 2);
  EXPECT_EQ(parsed["epochs"][0]["recorded"], parsed["epochs"][0]["again"]);
  EXPECT_NE(parsed["epochs"][1]["recorded"], parsed["epochs"][1]["again"]);
}

TEST_F(Replay, RefusesWhatItCannotTrainAgain) {
  const Folder empty;
  const auto missing = run_murmur("replay --study " + study() + " --data " + empty.path());
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.output, HasSubstr("fashion-mnist"));
  write_dataset(empty, 320);
  const auto other = run_murmur("replay --study " + study() + " --data " + empty.path());
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.output, HasSubstr("expected the images of the search"));
  const auto none = run_murmur("replay --study " + study() + place() + "--trial 99");
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.output, HasSubstr("no trial 99"));
  EXPECT_EQ(run_murmur("replay --study " + study() + place() + "--trial first").exit_code, 2);
}

/// The report of a training whose options come from the study.
json train_from(const std::string& arguments) {
  const auto result = run_murmur("train --quiet --json - " + arguments + kReportOnly);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return json::parse(result.output);
}

TEST_F(Replay, TrainFromAStudyIsTheTrial) {
  const TrialRecord best = *Study::open_read_only(path()).best_trial();
  const json report = train_from("--from " + study() + place());
  const json& network = report["networks"][0];
  EXPECT_EQ(network["seed"], best.seed);
  EXPECT_EQ(network["validation_accuracy"], best.value);
  ASSERT_EQ(network["history"].size(), 3u);
  for (size_t epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(network["history"][epoch]["validation_accuracy"], best.intermediate[epoch]);
  }
  EXPECT_EQ(report["definitions"]["loss_reduction"], "sum");
  EXPECT_EQ(report["micro_batch"], 32);
  const auto winner = run_murmur("replay --study " + study() + place() + "--trial winner");
  EXPECT_EQ(winner.exit_code, 0) << winner.output;
}

TEST_F(Replay, TheCommandLineWinsOverTheStudy) {
  const json report = train_from("--from " + study() + place() +
                                 "--trial baseline --set dropout=0.25 --seed 77 --loss-reduction mean --epochs 2");
  EXPECT_EQ(report["set"]["dropout"], 0.25);
  EXPECT_EQ(report["networks"][0]["seed"], 77);
  EXPECT_EQ(report["definitions"]["loss_reduction"], "mean");
  EXPECT_EQ(report["epochs"], 2);
  EXPECT_EQ(report["schedule_epochs"], 3) << "the search's";
  EXPECT_EQ(report["micro_batch"], 32) << "the study's where the command line has none";
}

TEST_F(Replay, SavedWeightsDoNotNeedTheStudy) {
  const std::string weights = folder_ / "w.safetensors";
  train_from("--from " + study() + place() + "--save " + weights);
  std::filesystem::remove(path());
  const auto result = run_murmur("predict --weights " + weights + place() + "--output /dev/null");
  EXPECT_EQ(result.exit_code, 0) << result.output;
}

}  // namespace
}  // namespace murmur
