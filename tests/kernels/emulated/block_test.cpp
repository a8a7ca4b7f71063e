// The emulation of a GPU's blocks: it must order, exchange and complain as a GPU and its sanitizer do.
#include "murmur/kernels/emulated/block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "murmur/engine/address_sanitizer.hpp"
#include "murmur/engine/arena.hpp"
#include "murmur/engine/device.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/kernels/add.hpp"
#include "tests/support/arrays.hpp"

#ifdef MURMUR_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#define MURMUR_TARGET cpu
#include "murmur/kernels/parallel.hpp"

namespace murmur::emulated {
namespace {

std::vector<int> numbers(int count) {
  std::vector<int> result(static_cast<size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

int index() {
  return static_cast<int>(threadIdx.x);
}

TEST(EmulatedBlock, ThreadsRunInTheOrderAskedFor) {
  std::vector<int> order;
  run_block(70, Order::kAscending, [&] { order.push_back(index()); });
  EXPECT_EQ(order, numbers(70));
  order.clear();
  run_block(70, Order::kDescending, [&] { order.push_back(index()); });
  std::reverse(order.begin(), order.end());
  EXPECT_EQ(order, numbers(70));
}

TEST(EmulatedBlock, NobodyPassesABarrierBeforeAllAreThere) {
  for (const Order order : {Order::kAscending, Order::kDescending}) {
    std::vector<int> seen;
    int arrived = 0;
    run_block(64, order, [&] {
      ++arrived;
      __syncthreads();
      seen.push_back(arrived);
      __syncthreads();
      ++arrived;
    });
    EXPECT_THAT(seen, testing::AllOf(testing::SizeIs(64), testing::Each(64)));
    EXPECT_EQ(arrived, 128);
  }
}

TEST(EmulatedBlock, AShuffleTakesFromItsOwnWarp) {
  std::vector<int> got(64);
  run_block(64, Order::kDescending, [&] { got[threadIdx.x] = __shfl_down_sync(0xffffffffu, index(), 8); });
  for (int i = 0; i < 64; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i % 32 < 24 ? i + 8 : i) << i;
}

// Without the barrier the result depends on the order, which every other run of a launch turns round.
TEST(EmulatedBlock, ARaceGivesTwoResults) {
  const auto sum_of_neighbours = [](Order order, bool synchronised) {
    std::vector<int> values(32), sums(32);
    run_block(32, order, [&] {
      const auto i = static_cast<size_t>(threadIdx.x);
      values[i] = 1;
      if (synchronised) __syncthreads();
      sums[i] = values[i] + values[(i + 1) % 32];
    });
    return sums;
  };
  EXPECT_NE(sum_of_neighbours(Order::kAscending, false), sum_of_neighbours(Order::kDescending, false));
  EXPECT_EQ(sum_of_neighbours(Order::kAscending, true), sum_of_neighbours(Order::kDescending, true));
}

// A warp runs ahead of the others to the next barrier: here the first one overwrites what the second has not read.
TEST(EmulatedBlock, AWarpRunsAhead) {
  const auto second_sees = [](bool synchronised) {
    int shared = 0;
    std::vector<int> seen(64);
    run_block(64, Order::kAscending, [&] {
      if (threadIdx.x == 0) shared = 1;
      __syncthreads();
      seen[threadIdx.x] = shared;
      if (synchronised) __syncthreads();
      __shfl_down_sync(0xffffffffu, 0, 1);
      if (threadIdx.x == 0) shared = 2;
    });
    return seen[63];
  };
  EXPECT_EQ(second_sees(true), 1);
  EXPECT_EQ(second_sees(false), 2);
}

TEST(EmulatedBlock, ThreadsThatWaitForEverAreAnError) {
  const auto message = [](const std::function<void()>& thread) -> std::string {
    try {
      run_block(64, Order::kAscending, thread);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message([] {
                if (threadIdx.x != 5) __syncthreads();
              }),
              testing::HasSubstr("thread 5 ended"));
  const auto two_barriers = [] {  // not within a macro, which would put both on one line
    if (threadIdx.x < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  };
  EXPECT_THAT(message(two_barriers), testing::HasSubstr("expected all 64 threads at one barrier"));
  EXPECT_THAT(message([] {
                if (threadIdx.x % 2 == 0) __shfl_down_sync(0xffffffffu, 1, 1);
              }),
              testing::HasSubstr("thread 1 ended"));
  int runs = 0;
  run_block(64, Order::kAscending, [&] { ++runs; });  // the next block is not harmed
  EXPECT_EQ(runs, 64);
}

TEST(EmulatedBlock, AnExceptionReachesTheCaller) {
  EXPECT_THROW(run_block(32, Order::kAscending,
                         [] {
                           if (threadIdx.x == 3) throw Error("thread 3");
                           __syncthreads();
                         }),
               Error);
}

/// Writes down which thread of which tile runs.
struct Record {
  static constexpr int kWidth = 32;
  std::vector<int64_t>* order;
  void operator()(const cpu::Lanes<kWidth>& all, int64_t /*network*/, int64_t tile) const {
    all.first(3).each([&](int i) { order->push_back(10 * tile + i); });
  }
};

// The kernels of this build are launched as blocks, and every other time backwards.
TEST(EmulatedBlock, IsWhatALaunchRuns) {
  const auto stream = make_stream(kCpu, 1);
  std::vector<int64_t> order;
  for (int i = 0; i < 2; ++i) cpu::launch(*stream, "record", 1, 2, Record{&order});
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 10, 11, 12, 12, 11, 10, 2, 1, 0));
}

// The program has both kernels, and every other test of it passes with either.
TEST(EmulatedBlock, IsWhatTheProgramsKernelsRunOn) {
  EXPECT_TRUE(emulates_gpu());
  const auto stream = make_stream(kCpu, 1);
  const test::GuardedArray<float> from(8, 1.0f, kCpu), to(8, 2.0f, kCpu);
  AddArgs<float> args;
  args.num_networks = 1;
  args.num_elements = 8;
  args.source = {from.data(), 8};
  args.target = {to.data(), 8};
  const int64_t before = num_blocks_run();
  add(*stream, args);
  stream->synchronize();
  EXPECT_GT(num_blocks_run(), before);
}

#ifdef MURMUR_ADDRESS_SANITIZER
// What stands behind "no kernel reads outside": the sanitizer knows where arrays and tensors end.
TEST(EmulatedBlock, TheSanitizerSeesWhereMemoryEnds) {
  const test::GuardedArray<float> array(5, 1.0f, kCpu);
  EXPECT_EQ(__asan_region_is_poisoned(array.data(), 5 * sizeof(float)), nullptr);
  EXPECT_TRUE(__asan_address_is_poisoned(array.data() - 1));
  EXPECT_TRUE(__asan_address_is_poisoned(array.data() + 5));
  Arena arena(kCpu);
  for (int i = 0; i < 2; ++i) {
    const Tensor tensor = arena.zeros({1, 7}, DType::kF32);
    EXPECT_FALSE(__asan_address_is_poisoned(tensor.data<float>() + 6));
    EXPECT_TRUE(__asan_address_is_poisoned(tensor.data<float>() + 7));
  }
}

// Where a stack was, something else is mapped later: a thread's own memory, for one, was taken for the last frames of a
// fiber that had been there.
TEST(EmulatedBlock, LeavesNothingPoisonedWhereItsStacksWere) {
  void* within = nullptr;
  std::thread([&] {
    run_block(32, Order::kAscending, [&] {
      char here = 0;
      if (index() == 31) within = &here;
    });
  }).join();
  EXPECT_EQ(__asan_region_is_poisoned(within, 512), nullptr);
}
#endif

}  // namespace
}  // namespace murmur::emulated
