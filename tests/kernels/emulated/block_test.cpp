// The emulation of a GPU's blocks: it must order, exchange and complain as a GPU and its sanitizer do.
#include "kernels/emulated/block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "engine/error.hpp"
#include "kernels/emulated/words.hpp"

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

}  // namespace
}  // namespace murmur::emulated
