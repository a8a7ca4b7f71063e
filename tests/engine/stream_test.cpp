#include "murmur/engine/stream.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/engine/cpu/thread_pool.hpp"
#include "murmur/engine/error.hpp"

namespace murmur::cpu {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ThreadPoolTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, ::testing::Values(1, 2, 8));

TEST_P(ThreadPoolTest, CallsEveryIndexOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.size(), GetParam());
  for (const int64_t count : {0, 1, 3, 7, 8, 1025}) {  // none, fewer than threads, as many, more
    std::vector<std::atomic<int>> calls(static_cast<size_t>(count));
    pool.for_each(count, [&](int64_t i) { ++calls[static_cast<size_t>(i)]; });
    for (const auto& call : calls) EXPECT_EQ(call.load(), 1);
  }
}

TEST_P(ThreadPoolTest, WaitsForAllWork) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> values(5);  // not atomic: for_each must publish them
    pool.for_each(5, [&](int64_t i) { values[static_cast<size_t>(i)] = round; });
    ASSERT_THAT(values, Each(round));
  }
}

TEST_P(ThreadPoolTest, RethrowsAndGoesOn) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(
        [&] {
          pool.for_each(100, [](int64_t i) {
            if (i % 10 == 3) throw std::runtime_error("network fails");
          });
        },
        ThrowsMessage<std::runtime_error>("network fails"));
    std::atomic<int> calls = 0;
    pool.for_each(100, [&](int64_t) { ++calls; });
    EXPECT_EQ(calls.load(), 100);
  }
}

/// Operations that append "name of operation" to the log of their network.
struct Log {
  explicit Log(size_t num_networks) : entries(num_networks) {}
  NetworkFunction write(char name) {
    return [this, name](int64_t p) { entries[static_cast<size_t>(p)] += name; };
  }
  std::vector<std::string> entries;
};

TEST(CpuStream, RunsAtOnceOutsideOfCapture) {
  Stream stream(2);
  Log log(3);
  stream.run("a", 3, log.write('a'));
  EXPECT_THAT(log.entries, Each("a"));
}

TEST(CpuStream, CapturesWithoutRunningAndReplaysInOrder) {
  Stream stream(2);
  Log log(3);
  stream.begin_capture();
  for (const char name : {'a', 'b', 'c'}) stream.run("operation", 3, log.write(name));
  const std::unique_ptr<Graph> graph = stream.end_capture();
  EXPECT_THAT(log.entries, Each(""));
  EXPECT_EQ(graph->num_nodes(), 3);
  graph->launch(0);
  EXPECT_THAT(log.entries, Each(""));
  graph->launch(2);
  EXPECT_THAT(log.entries, Each("abcabc"));
  graph->launch(1);
  EXPECT_THAT(log.entries, Each("abcabcabc"));
  stream.run("d", 3, log.write('d'));  // and the stream runs at once again
  EXPECT_THAT(log.entries, Each("abcabcabcd"));
}

TEST(CpuStream, SkipsInactiveNetworks) {
  Stream stream(2);
  Log log(3);
  stream.begin_capture();
  stream.run("a", 3, log.write('a'));
  const std::unique_ptr<Graph> graph = stream.end_capture();
  const std::vector<uint8_t> active{1, 0, 1};
  graph->launch(2, active);
  EXPECT_THAT(log.entries, ElementsAre("aa", "", "aa"));
  const std::vector<uint8_t> wrong{1, 0};
  EXPECT_THAT([&] { graph->launch(1, wrong); }, ThrowsMessage<ShapeError>(HasSubstr("expected active [P=3], got [2]")));
}

TEST(CpuStream, GraphsAreIndependent) {
  Stream stream(1);
  Log log(1);
  const auto capture = [&](char name) {
    stream.begin_capture();
    stream.run("operation", 1, log.write(name));
    return stream.end_capture();
  };
  const std::unique_ptr<Graph> a = capture('a');
  const std::unique_ptr<Graph> b = capture('b');
  b->launch(1);
  a->launch(1);
  EXPECT_THAT(log.entries, ElementsAre("ba"));
}

TEST(CpuStream, AnEmptyCaptureDoesNothing) {
  Stream stream(1);
  stream.begin_capture();
  const std::unique_ptr<Graph> graph = stream.end_capture();
  EXPECT_EQ(graph->num_nodes(), 0);
  EXPECT_NO_THROW(graph->launch(3));
}

TEST(CpuStream, ReplayRethrows) {
  Stream stream(2);
  stream.begin_capture();
  stream.run("throws", 4, [](int64_t p) {
    if (p == 2) throw Error("broken");
  });
  const std::unique_ptr<Graph> graph = stream.end_capture();
  EXPECT_THAT([&] { graph->launch(1); }, ThrowsMessage<Error>("broken"));
}

TEST(CpuStream, WrongUseThrows) {
  Stream stream(1);
  EXPECT_THROW(stream.end_capture(), Error);
  stream.begin_capture();
  EXPECT_THROW(stream.begin_capture(), Error);
  stream.run("three", 3, [](int64_t) {});
  stream.run("four", 4, [](int64_t) {});
  EXPECT_THAT([&] { stream.end_capture(); }, ThrowsMessage<ShapeError>(HasSubstr("P=3 networks, got 4 in four")));
  EXPECT_THAT([] { make_stream(kCpu, -1); }, ThrowsMessage<InvalidArgument>(HasSubstr("got -1")));
}

TEST(CpuStream, HasAsManyThreadsAsAskedFor) {
  const std::unique_ptr<murmur::Stream> stream = make_stream(kCpu, 3);
  EXPECT_EQ(dynamic_cast<Stream&>(*stream).pool().size(), 3);
  EXPECT_GE(dynamic_cast<Stream&>(*make_stream(kCpu, 0)).pool().size(), 1);
}

}  // namespace
}  // namespace murmur::cpu
