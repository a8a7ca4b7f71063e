// Allocations of C++ that fail while a study is created: a destructor may ask for memory, and then the process ends
// where it is, so that nothing of a new file may be there by then; and while a file is written. Each is tried in a
// process of its own.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>

#include "murmur/engine/file.hpp"
#include "murmur/pso/study.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

long allocations_left = 0;  // the last of these fails; 0: all are granted

}  // namespace

void* operator new(size_t num_bytes) {
  const bool fails = allocations_left > 0 && --allocations_left == 0;
  void* const memory = fails ? nullptr : std::malloc(num_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace murmur {
namespace {

enum Outcome { kDone, kRefused, kEnded };

StudyDefinition definition() {
  StudyDefinition result;
  result.space = SearchSpace({Technique::kFlip, Technique::kDropout, Technique::kLearningRate});
  result.attributes = {{"model", "fc"}, {"options", {{"epochs", 20}, {"seeds", {1, 2, 3}}}}};
  return result;
}

/// What comes of it in another process, whose n-th allocation fails.
template <class F>
Outcome outcome_of(const F& f, long n) {
  const pid_t child = fork();
  if (child == 0) {
    std::set_terminate([] { _exit(kEnded); });
    allocations_left = n;
    try {
      f();
    } catch (const std::exception&) {
      _exit(kRefused);
    }
    _exit(kDone);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "after allocation " << n;
  return static_cast<Outcome>(WEXITSTATUS(status));
}

TEST(StudyMemory, WhereverItEndsNoTemporaryFileIsLeft) {
  const StudyDefinition study = definition();
  long n = 0, num_ended = 0;
  for (Outcome outcome = kRefused; outcome != kDone;) {
    const test::TemporaryFolder folder;
    outcome = outcome_of([&] { Study::create_or_open(folder / "s.db", study); }, ++n);
    if (outcome == kEnded) ++num_ended;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      EXPECT_THAT(entry.path().filename().string(), testing::Not(testing::HasSubstr(".new-"))) << "allocation " << n;
    }
  }
  EXPECT_GT(n, 100);
  EXPECT_GT(num_ended, 0) << "the way of ending that this is about";
}

TEST(FileMemory, AFileIsTheOldOneOrTheNewOneAndNoProcessEnds) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "f.txt";
  write_file(path, "old");
  folder.write(".f.txt.1-0.tmp", "another's");
  Outcome outcome = kRefused;
  for (long n = 1; outcome == kRefused; ++n) {
    outcome = outcome_of([&] { write_file(path, "new"); }, n);
    EXPECT_NE(outcome, kEnded) << "allocation " << n;
    const auto contents = folder.contents();
    EXPECT_THAT(contents.at("f.txt"), testing::AnyOf("old", "new")) << "allocation " << n;
    EXPECT_EQ(contents.size(), 2u) << "allocation " << n;
  }
  EXPECT_EQ(folder.contents().at("f.txt"), "new");
}

}  // namespace
}  // namespace murmur
