#include "murmur/pso/study_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>

#include "murmur/engine/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class StudyLockTest : public testing::Test {
 protected:
  void expect_taken(const std::string& name = "murmur") {
    EXPECT_THAT([&] { StudyLock(path_, name); },
                ThrowsMessage<StudyError>(HasSubstr("expected no other command at work on '" + name + "'")));
  }
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "s.db";
};

TEST_F(StudyLockTest, OneAtATime) {
  {
    const StudyLock lock(path_, "murmur");
    expect_taken();
    EXPECT_TRUE(std::filesystem::exists(folder_ / "s.db-lock"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s.db-lock"));
  const StudyLock again(path_, "murmur");
}

TEST_F(StudyLockTest, OtherStudiesOfTheFileAreFree) {
  auto first = std::make_unique<StudyLock>(path_, "a");
  const StudyLock second(path_, "b");
  expect_taken("a");
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(folder_ / "s.db-lock")) << "the second still needs it";
  expect_taken("b");
  const StudyLock third(path_, "a");
}

TEST_F(StudyLockTest, IsTheFilesWhateverItsName) {
  std::ofstream(path_).put('x');
  std::filesystem::create_symlink(path_, folder_ / "link.db");
  const StudyLock lock(folder_ / "link.db", "murmur");
  expect_taken();
}

TEST_F(StudyLockTest, EndsWithItsProcess) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const StudyLock lock(path_, "murmur");
    const bool written = write(ready[1], "x", 1) == 1;
    while (written) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  expect_taken();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "s.db-lock")) << "nobody was left to remove it";
  { const StudyLock lock(path_, "murmur"); }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s.db-lock"));
  close(ready[0]);
  close(ready[1]);
}

// Many come and go at once: never are two inside.
TEST_F(StudyLockTest, NeverLetsTwoIn) {
  constexpr int kProcesses = 4;
  constexpr int kTimes = 200;
  for (int i = 0; i < kProcesses; ++i) {
    if (fork() != 0) continue;
    for (int done = 0; done < kTimes;) {
      try {
        const StudyLock lock(path_, "murmur");
        const std::filesystem::path inside = folder_ / "inside";
        if (!std::filesystem::create_directory(inside)) _exit(1);
        std::filesystem::remove(inside);
        ++done;
      } catch (const StudyError&) {
        usleep(100);
      }
    }
    _exit(0);
  }
  for (int i = 0; i < kProcesses; ++i) {
    int status = 0;
    wait(&status);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(StudyLockTest, SaysWhyItCannot) {
  EXPECT_THAT([&] { StudyLock(folder_ / "no" / "s.db", "murmur"); },
              ThrowsMessage<StudyError>(HasSubstr("expected to lock it with the file")));
  std::filesystem::create_symlink(folder_ / "elsewhere", folder_ / "s.db-lock");
  EXPECT_THAT([&] { StudyLock(path_, "murmur"); }, ThrowsMessage<StudyError>(HasSubstr("symbolic links")));
}

}  // namespace
}  // namespace murmur
