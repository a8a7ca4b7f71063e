// What the system says of its memory, in the forms that it has for that.
#include "murmur/engine/memory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "murmur/engine/cpu/memory.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

class FreeBytesTest : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = folder_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  int64_t free() const { return cpu::free_bytes(folder_ / ""); }

 private:
  test::TemporaryFolder folder_;
};

TEST_F(FreeBytesTest, AreWhatTheKernelCallsAvailable) {
  EXPECT_GT(free(), 1000000 * kGiB) << "nothing is known";
  write("proc/meminfo", "MemTotal:       25165824 kB\nMemFree:  1 kB\nMemAvailable:   8388608 kB\n");
  EXPECT_EQ(free(), 8 * kGiB);
}

TEST_F(FreeBytesTest, StayBelowTheLimitsOfControlGroups) {
  write("proc/meminfo", "MemAvailable:   8388608 kB\n");
  write("proc/self/cgroup", "0::/user/job\n");
  write("sys/fs/cgroup/user/memory.max", std::to_string(6 * kGiB));
  write("sys/fs/cgroup/user/memory.current", std::to_string(kGiB));
  EXPECT_EQ(free(), 5 * kGiB) << "of the group around it";
  write("sys/fs/cgroup/user/job/memory.max", std::to_string(4 * kGiB));
  write("sys/fs/cgroup/user/job/memory.current", std::to_string(3 * kGiB));
  EXPECT_EQ(free(), kGiB);
  write("sys/fs/cgroup/user/job/memory.stat", "anon 5\ninactive_file 1073741824\nactive_file 7\n");
  EXPECT_EQ(free(), 2 * kGiB) << "caches can be dropped";
  write("sys/fs/cgroup/user/job/memory.max", "max\n");
  EXPECT_EQ(free(), 5 * kGiB);
}

TEST_F(FreeBytesTest, KnowTheOlderControlGroupsToo) {
  write("proc/meminfo", "MemAvailable:   8388608 kB\n");
  write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/job\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
  EXPECT_EQ(free(), 8 * kGiB);
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", std::to_string(2 * kGiB));
  write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", std::to_string(3 * kGiB));
  EXPECT_EQ(free(), 0);
}

TEST(AllocatedBytes, AreThoseInUse) {
  const int64_t before = allocated_bytes();
  std::shared_ptr<void> memory = allocate(kCpu, 1000);
  const std::shared_ptr<void> same = memory;
  EXPECT_EQ(allocated_bytes(), before + 1000);
  memory.reset();
  EXPECT_EQ(allocated_bytes(), before + 1000);
}

TEST(AllocatedBytes, ShrinkAgain) {
  const int64_t before = allocated_bytes();
  allocate(kCpu, 1000);
  EXPECT_EQ(allocated_bytes(), before);
  EXPECT_GT(free_bytes(kCpu), 0);
}

}  // namespace
}  // namespace murmur
