#pragma once

#include <cstdint>
#include <functional>

// A block of GPU threads on one CPU thread, for machines without a GPU: the kernels' own CUDA code (lanes_cuda.hpp) is
// tested by it, and the sanitizers see what it reads and writes. Each thread of the block is a fiber; it runs until it
// must wait for the others. What is reported besides: threads of a block that wait in different places, or for a thread
// that has ended.
namespace murmur::emulated {

/// A line of the source: where a thread waits.
struct Place {
  const char* file = "";
  int line = 0;

  static constexpr Place current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

struct Index {
  unsigned x = 0;
};

/// The fiber that runs now: CUDA's threadIdx.
extern thread_local Index thread_index;

/// The order in which the threads of a block run between two barriers. Results must not depend on it.
enum class Order : uint8_t { kAscending, kDescending };

/// Runs thread() on each of num_threads threads. Throws: Error where they would wait for ever.
void run_block(int num_threads, Order order, const std::function<void()>& thread);

/// How many blocks have been run, on all threads: what tells that a kernel was emulated.
int64_t num_blocks_run();

/// Waits for all threads of the block: CUDA's __syncthreads.
void wait_for_block(Place where = Place::current());

/// Copies num_bytes (at most 16) from the thread `offset` further in the warp, or from itself beyond its end.
void shuffle_down(void* result, const void* value, int num_bytes, int offset, Place where);

}  // namespace murmur::emulated
