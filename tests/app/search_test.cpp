#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "pso/study.hpp"
#include "tests/app/run.hpp"

namespace murmur {
namespace {

using testing::Folder;
using ::testing::HasSubstr;
using testing::read_text;
using testing::run_murmur;
using testing::write_dataset;
using testing::write_text;

std::string search_command(const Folder& folder, const std::string& study, const std::string& rest = "") {
  return "search --device cpu --micro-batch 32 --data " + folder.path() + " --study " + (folder / study) +
         " --particles 4 --slots 3 --trials 12 --epochs 2 --repeats 2 --top 2 --seed 5 --patience 100 " + rest;
}

TEST(Search, FinishesAndFillsTheStudy) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(search_command(folder, "a.db", "--json " + (folder / "a.json")));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("baseline"));
  EXPECT_THAT(result.output, HasSubstr(folder / "a.db"));
  const Study study = Study::open_read_only(folder / "a.db");
  EXPECT_EQ(study.num_trials(), 12);
  for (const TrialRecord& trial : study.trials()) {
    EXPECT_NE(trial.state, TrialState::kRunning);
    EXPECT_EQ(trial.seed, 5u + static_cast<uint64_t>(trial.number));
    EXPECT_EQ(trial.setting, study.space().decode(trial.position, study.base()));
    if (trial.state == TrialState::kComplete) {
      EXPECT_EQ(trial.value, trial.intermediate.back());
    }
  }
  const auto json = nlohmann::json::parse(read_text(folder / "a.json"));
  EXPECT_TRUE(json["rows"][0]["trial"].is_null());
  EXPECT_EQ(json["rows"][0]["test_accuracies"].size(), 2u);
}

void expect_same_trials(const std::string& left, const std::string& right) {
  const std::vector<TrialRecord> a = Study::open_read_only(left).trials();
  const std::vector<TrialRecord> b = Study::open_read_only(right).trials();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].position, b[i].position) << "trial " << i;
    EXPECT_EQ(a[i].intermediate, b[i].intermediate) << "trial " << i;
    EXPECT_EQ(a[i].state, b[i].state) << "trial " << i;
  }
}

TEST(Search, IsReproducibleForASeed) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db")).exit_code, 0);
  ASSERT_EQ(run_murmur(search_command(folder, "b.db", "--threads 1")).exit_code, 0);
  expect_same_trials(folder / "a.db", folder / "b.db");
}

TEST(Search, GoesOnWhereItStopped) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", "--trials 5")).exit_code, 0);
  const std::vector<TrialRecord> before = Study::open_read_only(folder / "a.db").trials();
  ASSERT_EQ(before.size(), 5u);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db")).exit_code, 0);
  const std::vector<TrialRecord> after = Study::open_read_only(folder / "a.db").trials();
  ASSERT_EQ(after.size(), 12u);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].intermediate, before[i].intermediate);
}

int64_t num_told(const std::string& study) {
  const std::vector<TrialRecord> trials = Study::open_read_only(study).trials();
  return std::ranges::count_if(trials, [](const TrialRecord& trial) { return trial.state != TrialState::kRunning; });
}

struct Stopped {
  int64_t seen = 0;  // trials told in the study, just before the signal
  int status = 0;    // of waitpid
  std::string output;
};

/// Starts a search without an end and sends it the signal as soon as six trials have been told.
Stopped stop_search(const Folder& folder, const std::string& study, int signal) {
  const std::string log = folder / "log";
  const std::string command = std::string("exec ") + MURMUR_PROGRAM + " " +
                              search_command(folder, study, "--trials 2000 --quiet") + " >" + log + " 2>&1";
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  Stopped stopped;
  for (int i = 0; i < 3000 && stopped.seen < 6; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (std::filesystem::exists(folder / study)) stopped.seen = num_told(folder / study);
  }
  kill(child, signal);
  waitpid(child, &stopped.status, 0);
  stopped.output = read_text(log);
  return stopped;
}

TEST(Search, ASignalStopsItWithTheExitCodeThatShellsExpect) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Folder folder;
    write_dataset(folder, 6400);
    const Stopped stopped = stop_search(folder, "s.db", signal);
    ASSERT_GE(stopped.seen, 6) << stopped.output;
    ASSERT_TRUE(WIFEXITED(stopped.status)) << stopped.output;
    EXPECT_EQ(WEXITSTATUS(stopped.status), 128 + signal);
    const int64_t told = num_told(folder / "s.db");
    EXPECT_GE(told, stopped.seen);
    EXPECT_THAT(stopped.output, HasSubstr("stopped after " + std::to_string(told) + " trials"));
    EXPECT_THAT(stopped.output, HasSubstr((folder / "s.db") + "; the same command goes on"));
    // Those in training are trained again.
    const int64_t trials = Study::open_read_only(folder / "s.db").num_trials() + 2;
    const auto again = run_murmur(search_command(folder, "s.db", "--trials " + std::to_string(trials)));
    ASSERT_EQ(again.exit_code, 0) << again.output;
    EXPECT_EQ(num_told(folder / "s.db"), trials);
  }
}

TEST(Search, KilledItLosesNoReportedTrial) {
  const Folder folder;
  write_dataset(folder, 6400);
  const Stopped stopped = stop_search(folder, "k.db", SIGKILL);
  ASSERT_GE(stopped.seen, 6) << stopped.output;
  EXPECT_GE(num_told(folder / "k.db"), stopped.seen);
  const std::vector<TrialRecord> trials = Study::open_read_only(folder / "k.db").trials();
  // and the search goes on from there, training again what was running
  const auto again = run_murmur(search_command(folder, "k.db", "--trials " + std::to_string(trials.size() + 2)));
  ASSERT_EQ(again.exit_code, 0) << again.output;
  for (const TrialRecord& trial : Study::open_read_only(folder / "k.db").trials()) {
    EXPECT_NE(trial.state, TrialState::kRunning);
  }
}

TEST(Search, AFileThatIsNoStudyExitsWith3AndIsNotChanged) {
  const Folder folder;
  write_dataset(folder);
  write_text(folder / "notes.txt", "not a study, but dear to somebody");
  const auto result = run_murmur(search_command(folder, "notes.txt"));
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("notes.txt"));
  EXPECT_EQ(read_text(folder / "notes.txt"), "not a study, but dear to somebody");
  EXPECT_EQ(folder.num_files(), 5u);
}

TEST(Search, AStudyOfAnotherSearchExitsWith3) {
  const Folder folder;
  write_dataset(folder);
  ASSERT_EQ(run_murmur(search_command(folder, "a.db", "--trials 2")).exit_code, 0);
  const auto result = run_murmur(search_command(folder, "a.db", "--model 'flatten linear8 linear'"));
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("model"));
}

TEST(Search, SearchesOnlyWhatIsAskedFor) {
  const Folder folder;
  write_dataset(folder);
  const auto result = run_murmur(search_command(folder, "a.db", "--search dropout,input_noise --set optimizer=adam"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Study study = Study::open_read_only(folder / "a.db");
  EXPECT_EQ(study.space().num_dimensions(), 2);
  EXPECT_EQ(study.trial(3).setting[Technique::kOptimizer], 2);
  EXPECT_EQ(study.trial(3).setting[Technique::kRotation], 0);
}

}  // namespace
}  // namespace murmur
