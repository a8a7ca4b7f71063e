#include "murmur/engine/file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "murmur/engine/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

class FileTest : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_;
};

TEST_F(FileTest, IsWholeWithACommit) {
  folder_.write("a", "old");
  AtomicFile file(folder_ / "a");
  file.write("new ");
  file.write("text");
  EXPECT_EQ(folder_.contents().at("a"), "old");
  file.commit();
  EXPECT_THAT(folder_.contents(), ElementsAre(Pair("a", "new text")));
}

TEST_F(FileTest, WithoutACommitTheOldOneStays) {
  folder_.write("a", "old");
  {
    AtomicFile file(folder_ / "a");
    file.write("new");
  }
  EXPECT_THAT(folder_.contents(), ElementsAre(Pair("a", "old")));
}

TEST_F(FileTest, ANameThatIsTakenIsLeftAlone) {
  const std::string taken = ".a." + std::to_string(getpid()) + "-0.tmp";
  folder_.write("victim", "safe");
  std::filesystem::create_symlink("victim", folder_ / taken);
  write_file(folder_ / "a", "text");
  EXPECT_THAT(folder_.contents(), ElementsAre(Pair(taken, "safe"), Pair("a", "text"), Pair("victim", "safe")));
}

TEST_F(FileTest, WhatAKilledProcessHasLeftGoes) {
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  waitpid(dead, nullptr, 0);
  const auto make = [&](const std::string& name, int minutes) {
    folder_.write(name, "left");
    std::filesystem::last_write_time(folder_ / name,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::minutes(minutes));
  };
  const std::string of_dead = ".a." + std::to_string(dead), of_living = ".a." + std::to_string(getppid());
  make(of_dead + "-0.tmp", 5);
  make(of_dead + "-1.tmp", 0);  // of a process on another machine, perhaps
  make(of_living + "-0.tmp", 5);
  make(".a.x-0.tmp", 5);
  make(of_dead + "-01-31.bak", 5);  // a user's, of the year of that number
  make(".b." + std::to_string(dead) + "-0.tmp", 5);
  write_file(folder_ / "a", "text");
  std::vector<std::string> names;
  for (const auto& [name, bytes] : folder_.contents()) names.push_back(name);
  EXPECT_THAT(names, UnorderedElementsAre("a", of_dead + "-1.tmp", of_living + "-0.tmp", ".a.x-0.tmp",
                                          of_dead + "-01-31.bak", ".b." + std::to_string(dead) + "-0.tmp"));
}

TEST_F(FileTest, HasTheModeThatTheUserAsksFor) {
  const mode_t before = umask(022);
  write_file(folder_ / "a", "text");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat((folder_ / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0644u);
}

TEST_F(FileTest, LinksAreFollowedToTheirEnd) {
  std::filesystem::create_directory(folder_ / "b");
  std::filesystem::create_symlink("b/c", folder_ / "a");
  std::filesystem::create_symlink("d", folder_ / "b/c");
  for (const char* text : {"new", "replaced"}) {
    write_file(folder_ / "a", text);
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "b/c"));
    EXPECT_EQ(folder_.contents().at("b/d"), text);
  }
}

TEST_F(FileTest, SaysWhatIsWrong) {
  const auto refuse = [](const std::filesystem::path& path, const std::string& reason) {
    EXPECT_THAT([&] { write_file(path, "text"); },
                ThrowsMessage<Error>(path.string() + ": expected to write the file, got: " + reason));
    EXPECT_EQ(is_writable(path), reason == "No space left on device") << path;
  };
  refuse(folder_.path(), "Is a directory");
  refuse(folder_ / "none/a", "No such file or directory");
  std::filesystem::create_symlink("loop", folder_ / "loop");
  EXPECT_THROW(write_file(folder_ / "loop/a", "text"), Error);
  if (std::filesystem::exists("/dev/full")) refuse("/dev/full", "No space left on device");
  EXPECT_TRUE(is_writable(folder_ / "a"));
  if (geteuid() == 0) return;  // root may write anywhere
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_read);
  refuse(folder_ / "a", "Permission denied");
}

}  // namespace
}  // namespace murmur
