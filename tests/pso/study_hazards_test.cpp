#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>

#include "murmur/engine/error.hpp"
#include "murmur/pso/study.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<double> kHazardPosition(22, 1.0);
const StudyOptions kHurried{.busy_timeout_ms = 50};
constexpr uid_t kNobody = 65534;

StudyDefinition hazard_definition() {
  StudyDefinition result;
  result.attributes = {{"model", "fc"}, {"dataset", "mnist"}};
  return result;
}

/// Runs f in a child process. The exit status is what f returns, or the signal's number + 128 when it was killed.
int in_child(const std::function<int()>& f) {
  const pid_t child = fork();
  if (child == 0) {
    int status = 99;
    try {
      status = f();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// What other processes, permissions, kills and full disks do to a study.
class StudyHazards : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "study.db";
};

TEST_F(StudyHazards, LockedByAnotherProcess) {
  { Study::create_or_open(path_, hazard_definition()); }
  SQLite::Database other(path_.string(), SQLite::OPEN_READWRITE);
  SQLite::Transaction lock(other, SQLite::TransactionBehavior::IMMEDIATE);
  EXPECT_EQ(in_child([&] {
              try {
                Study::create_or_open(path_, hazard_definition(), kHurried);
              } catch (const StudyError& error) {
                return std::string(error.what()).find("another process keeps locked") != std::string::npos ? 0 : 1;
              }
              return 2;
            }),
            0);
}

TEST_F(StudyHazards, LockedDuringTheSearch) {
  Study study = Study::create_or_open(path_, hazard_definition(), kHurried);
  study.begin_trial(1, kHazardPosition);
  {
    SQLite::Database other(path_.string(), SQLite::OPEN_READWRITE);
    SQLite::Transaction lock(other, SQLite::TransactionBehavior::IMMEDIATE);
    EXPECT_THAT([&] { study.finish_trial(0, {.value = 0.5}); }, ThrowsMessage<StudyError>(HasSubstr("locked")));
  }
  study.finish_trial(0, {.value = 0.5});  // and it goes on when the lock is gone
  EXPECT_EQ(study.trial(0).value, 0.5);
}

/// Runs f as a user who may not override permissions.
int as_nobody(const std::function<int()>& f) {
  return in_child([&] { return geteuid() == 0 && seteuid(kNobody) != 0 ? 98 : f(); });
}

/// 0 when creating or opening for writing says this.
int write_fails_with(const std::filesystem::path& path, const std::string& message) {
  try {
    Study::create_or_open(path, hazard_definition(), kHurried);
  } catch (const StudyError& error) {
    if (std::string(error.what()).find(message) != std::string::npos) return 0;
    std::fprintf(stderr, "child: %s\n", error.what());
  }
  return 1;
}

TEST_F(StudyHazards, ReadOnlyFileIsReadButNotWritten) {
  { Study::create_or_open(path_, hazard_definition()).begin_trial(1, kHazardPosition); }
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  for (const mode_t folder_mode : {0555, 0777}) {
    ASSERT_EQ(chmod(folder_.path().c_str(), folder_mode), 0);
    const auto before = folder_.contents();
    EXPECT_EQ(as_nobody([&] { return write_fails_with(path_, "got a read-only one"); }), 0);
    EXPECT_EQ(as_nobody([&] { return Study::open_read_only(path_).trials().size() == 1 ? 0 : 1; }), 0);
    EXPECT_EQ(folder_.contents(), before);
  }
}

TEST_F(StudyHazards, ReadOnlyFolderTakesNoNewStudy) {
  ASSERT_EQ(chmod(folder_.path().c_str(), 0555), 0);
  EXPECT_EQ(as_nobody([&] { return write_fails_with(path_, "in a folder that can be written"); }), 0);
  EXPECT_TRUE(folder_.contents().empty());
}

TEST_F(StudyHazards, UnreadableFile) {
  { Study::create_or_open(path_, hazard_definition()); }
  ASSERT_EQ(chmod(folder_.path().c_str(), 0777), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0), 0);
  EXPECT_EQ(as_nobody([&] { return write_fails_with(path_, "expected a file that can be opened"); }), 0);
}

TEST_F(StudyHazards, OddNamesAndLinks) {
  const std::filesystem::path odd = folder_ / "a b?c#d%41 \xc3\xa9.db";
  { Study::create_or_open(odd, hazard_definition()).begin_trial(1, kHazardPosition); }
  std::filesystem::create_symlink(odd, path_);
  EXPECT_EQ(Study::open_read_only(path_).trials().size(), 1u);
  { EXPECT_EQ(Study::create_or_open(path_, hazard_definition()).begin_trial(2, kHazardPosition), 1); }
  ASSERT_EQ(chmod(odd.c_str(), 0444), 0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0555), 0);
  EXPECT_EQ(as_nobody([&] { return Study::open_read_only(odd).trials().size() == 2 ? 0 : 1; }), 0);
}

TEST_F(StudyHazards, AKilledProcessLosesNoTrial) {
  { Study::create_or_open(path_, hazard_definition()); }
  EXPECT_EQ(in_child([&] {
              Study study = Study::create_or_open(path_, hazard_definition());
              for (uint64_t i = 0; i < 300; ++i) {
                const int64_t number = study.begin_trial(i, kHazardPosition);
                study.finish_trial(number, {.value = static_cast<double>(i), .intermediate = {0.5, 0.75}});
              }
              study.begin_trial(300, kHazardPosition);
              raise(SIGKILL);
              return 0;
            }),
            128 + SIGKILL);
  const auto after_kill = folder_.contents();
  EXPECT_GT(after_kill.size(), 1u) << "expected the killed process to leave its log";
  EXPECT_EQ(Study::open_read_only(path_).trials().size(), 301u);
  EXPECT_EQ(folder_.contents().at("study.db"), after_kill.at("study.db"));
  EXPECT_EQ(folder_.contents().at("study.db-wal"), after_kill.at("study.db-wal"));

  Study study = Study::create_or_open(path_, hazard_definition());
  const std::vector<TrialRecord> trials = study.trials();
  ASSERT_EQ(trials.size(), 301u);
  for (size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(trials[i].state, TrialState::kComplete);
    EXPECT_EQ(trials[i].value, static_cast<double>(i));
    EXPECT_EQ(trials[i].intermediate, (std::vector{0.5, 0.75}));
  }
  EXPECT_EQ(trials[300].state, TrialState::kRunning);
  EXPECT_EQ(study.begin_trial(0, kHazardPosition), 301);
}

TEST_F(StudyHazards, AFullDiskIsAStudyErrorAndKeepsWhatWasTold) {
  // A limit on the size of a file stands in for the full disk: writes fail half-way.
  { Study::create_or_open(path_, hazard_definition()); }
  const int told = in_child([&] {
    Study study = Study::create_or_open(path_, hazard_definition());
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300000, 300000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 97;
    for (int i = 0; i < 90; ++i) {
      try {
        study.finish_trial(study.begin_trial(1, kHazardPosition), {.value = 0.5});
      } catch (const StudyError&) {
        return i;
      }
    }
    return 96;
  });
  ASSERT_GT(told, 0);
  ASSERT_LT(told, 90) << "expected the limit to stop the child";
  Study study = Study::create_or_open(path_, hazard_definition());
  int complete = 0;
  for (const TrialRecord& trial : study.trials()) complete += trial.state == TrialState::kComplete;
  EXPECT_EQ(complete, told);
}

TEST_F(StudyHazards, AFullDiskAtTheStartLeavesNothing) {
  EXPECT_EQ(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{20000, 20000};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 97;
              try {
                Study::create_or_open(path_, hazard_definition());
              } catch (const StudyError&) {
                return 0;
              }
              return 1;
            }),
            0);
  EXPECT_TRUE(folder_.contents().empty());
}

TEST_F(StudyHazards, TwoProcessesCreateOneStudy) {
  // Both start from nothing at the same moment; whoever comes second opens what the first one made.
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    const std::filesystem::path path = folder_ / (std::to_string(round) + ".db");
    EXPECT_EQ(in_child([&] {
                const pid_t other = fork();
                {
                  Study study = Study::create_or_open(path, hazard_definition());
                  for (int i = 0; i < 3; ++i) study.begin_trial(1, kHazardPosition);
                }
                if (other == 0) _exit(0);
                int status = 0;
                waitpid(other, &status, 0);
                return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
              }),
              0);
    const std::vector<TrialRecord> trials = Study::open_read_only(path).trials();
    ASSERT_EQ(trials.size(), 6u);
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(trials[i].number, static_cast<int64_t>(i));
  }
  // Nothing is left of the files that lost the race. A log may be: SQLite keeps it when both close at the same moment.
  for (const auto& [name, bytes] : folder_.contents()) EXPECT_EQ(name.find(".new-"), std::string::npos) << name;
}

TEST_F(StudyHazards, NamesThatSqliteTakesForSomethingElse) {
  for (const char* name : {":memory:", "file:s.db", "file:s.db?mode=memory"}) {
    EXPECT_THAT([&] { Study::create_or_open(name, hazard_definition()); },
                ThrowsMessage<StudyError>(HasSubstr("a name that SQLite takes for something else")))
        << name;
    EXPECT_THAT([&] { Study::open_read_only(name); }, ThrowsMessage<StudyError>(HasSubstr("for something else")));
  }
  EXPECT_EQ(Study::create_or_open(folder_ / "file:s.db", hazard_definition()).num_trials(), 0)
      << "with its folder it is a file";
}

TEST_F(StudyHazards, NothingIsWrittenThroughALinkThatWasThereBefore) {
  const std::filesystem::path taken = path_.string() + ".new-" + std::to_string(getpid());
  std::filesystem::create_directory(taken);  // what cannot be removed as a file
  std::ofstream(taken / "x").put('x');
  EXPECT_THAT([&] { Study::create_or_open(path_, hazard_definition()); },
              ThrowsMessage<StudyError>(HasSubstr("expected to create")));
  std::filesystem::remove_all(taken);
  std::filesystem::create_symlink(folder_ / "target", taken);
  EXPECT_EQ(Study::create_or_open(path_, hazard_definition()).num_trials(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "target"));
}

TEST_F(StudyHazards, WhatKilledProcessesLeftGoes) {
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  waitpid(dead, nullptr, 0);
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(5);
  const auto write_file = [&](const std::string& suffix, bool is_old) {
    const std::filesystem::path file = path_.string() + suffix;
    std::ofstream(file).put('x');
    if (is_old) std::filesystem::last_write_time(file, old);
    return file;
  };
  const std::string of_dead = ".new-" + std::to_string(dead);
  const std::vector<std::filesystem::path> gone{write_file(of_dead, true), write_file(of_dead + "-journal", true)};
  const std::vector<std::filesystem::path> kept{
      write_file(of_dead + "x", true), write_file(".new-" + std::to_string(getppid()), true), write_file(".new-", true),
      write_file(".new-" + std::to_string(dead) + "-wal", false)};
  Study::create_or_open(path_, hazard_definition());
  for (const auto& file : gone) EXPECT_FALSE(std::filesystem::exists(file)) << file;
  for (const auto& file : kept) EXPECT_TRUE(std::filesystem::exists(file)) << file;
}

}  // namespace
}  // namespace murmur
