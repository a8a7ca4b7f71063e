#include "murmur/engine/file_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "murmur/engine/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::test {
namespace {

TEST(FileLockTest, LetsOneInAtATime) {
  const TemporaryFolder folder;
  std::atomic<int> num_inside = 0;
  std::atomic<int> num_entries = 0;
  const auto enter = [&] {
    for (int i = 0; i < 50; ++i) {
      const FileLock lock(folder / "lock", [] {});
      EXPECT_EQ(++num_inside, 1);
      ++num_entries;
      std::this_thread::yield();
      --num_inside;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(enter);
  }
  EXPECT_EQ(num_entries, 200);
  EXPECT_FALSE(std::filesystem::exists(folder / "lock"));
}

TEST(FileLockTest, SaysThatItWaits) {
  const TemporaryFolder folder;
  std::atomic<bool> waits = false;
  std::jthread other;
  {
    const FileLock lock(folder / "lock", [] { ADD_FAILURE() << "it was free"; });
    other = std::jthread([&] { const FileLock second(folder / "lock", [&] { waits = true; }); });
    while (!waits) std::this_thread::yield();
  }
  other.join();
  EXPECT_FALSE(std::filesystem::exists(folder / "lock"));
}

TEST(FileLockTest, FollowsNoLinkAndNamesTheFile) {
  const TemporaryFolder folder;
  folder.write("other", "text");
  std::filesystem::create_symlink("other", folder / "lock");
  try {
    const FileLock lock(folder / "lock", [] {});
    ADD_FAILURE() << "a link was followed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith((folder / "lock").string() + ": expected to lock the file, got: "));
  }
  EXPECT_EQ(folder.contents().at("other"), "text");
}

}  // namespace
}  // namespace murmur::test
