#include "murmur/kernels/emulated/block.hpp"

#include <algorithm>
#include <atomic>
#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstring>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "murmur/engine/address_sanitizer.hpp"
#include "murmur/engine/device.hpp"
#include "murmur/engine/error.hpp"

#ifdef MURMUR_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace murmur {

bool emulates_gpu() {
  return true;
}

namespace emulated {

thread_local Index thread_index;

namespace {

// The address sanitizer must know which stack is in use: around every switch, the one left behind and the one gone to.
#ifdef MURMUR_ADDRESS_SANITIZER
void start_switch(void** own, const void* stack, size_t num_bytes) {
  __sanitizer_start_switch_fiber(own, stack, num_bytes);
}
void finish_switch(void* own, const void** old_stack, size_t* num_bytes) {
  __sanitizer_finish_switch_fiber(own, old_stack, num_bytes);
}
void unpoison(const void* memory, size_t num_bytes) {
  __asan_unpoison_memory_region(memory, num_bytes);
}
#else
void start_switch(void** /*own*/, const void* /*stack*/, size_t /*num_bytes*/) {}
void finish_switch(void* /*own*/, const void** /*old_stack*/, size_t* /*num_bytes*/) {}
void unpoison(const void* /*memory*/, size_t /*num_bytes*/) {}
#endif

using boost::context::fiber;

constexpr size_t kWarp = 32;
constexpr size_t kStackBytes = size_t{128} << 10;
constexpr size_t kValueBytes = 16;

/// A fiber leaves its last frames by a jump, which the sanitizer does not see: whatever is mapped next where its stack
/// was would be taken for them.
class Stacks {
 public:
  boost::context::stack_context allocate() { return stacks_.allocate(); }
  void deallocate(boost::context::stack_context& stack) noexcept {
    unpoison(static_cast<char*>(stack.sp) - stack.size, stack.size);
    stacks_.deallocate(stack);
  }

 private:
  boost::context::protected_fixedsize_stack stacks_{kStackBytes};
};

enum class State : uint8_t { kReady, kAtBarrier, kAtShuffle, kEnded };

struct Thread {
  fiber context;
  boost::context::stack_context stack;
  State state = State::kEnded;
  Place where;
  size_t offset = 0;
  char value[kValueBytes];
  char result[kValueBytes];
};

class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    stop_ = true;
    for (size_t i = 0; i < threads_.size(); ++i) resume(i);
  }

  void run(size_t num_threads, Order order, const std::function<void()>& function) {
    function_ = &function;
    error_ = nullptr;
    while (threads_.size() < num_threads) add_thread();
    num_threads_ = num_threads;
    for (size_t i = 0; i < num_threads; ++i) threads_[i].state = State::kReady;
    try {
      do {
        run_to_barrier(order);
      } while (release_block());
    } catch (...) {
      // Fibers in the middle of a kernel: nothing can end them, and nothing may run them again.
      static thread_local auto& abandoned = *new std::vector<std::vector<Thread>>;
      abandoned.push_back(std::move(threads_));
      threads_.clear();
      throw;
    }
  }

  Thread& current() { return threads_[current_]; }

  /// In a fiber: back to run() until release() lets it go.
  void wait(State state, Place where) {
    Thread& thread = current();
    thread.state = state;
    thread.where = where;
    leave();
  }

 private:
  void add_thread() {
    Stacks allocator;
    Thread& thread = threads_.emplace_back();
    thread.stack = allocator.allocate();
    const boost::context::preallocated memory(thread.stack.sp, thread.stack.size, thread.stack);
    thread.context =
        fiber(std::allocator_arg, memory, allocator, [this](fiber&& main) { return live(std::move(main)); });
  }

  /// A fiber's life: a thread of one block after the other.
  fiber live(fiber&& main) {
    main_ = std::move(main);
    finish_switch(nullptr, &main_stack_, &main_stack_bytes_);
    while (!stop_) {
      try {
        (*function_)();
      } catch (...) {
        error_ = std::current_exception();
      }
      current().state = State::kEnded;
      leave();
    }
    start_switch(nullptr, main_stack_, main_stack_bytes_);
    return std::move(main_);
  }

  void resume(size_t i) {
    current_ = i;
    Thread& thread = threads_[i];
    thread_index.x = static_cast<unsigned>(i);
    void* own = nullptr;
    start_switch(&own, static_cast<char*>(thread.stack.sp) - thread.stack.size, thread.stack.size);
    thread.context = std::move(thread.context).resume();
    finish_switch(own, nullptr, nullptr);
  }

  void leave() {
    void* own = nullptr;
    start_switch(&own, main_stack_, main_stack_bytes_);
    main_ = std::move(main_).resume();
    finish_switch(own, &main_stack_, &main_stack_bytes_);
  }

  /// Each warp goes as far ahead of the others as it can: that is where a missing barrier shows.
  void run_to_barrier(Order order) {
    const size_t num_warps = (num_threads_ + kWarp - 1) / kWarp;
    const auto nth = [order](size_t i, size_t count) { return order == Order::kAscending ? i : count - 1 - i; };
    for (size_t i = 0; i < num_warps; ++i) {
      const size_t first = nth(i, num_warps) * kWarp;
      const size_t width = std::min(kWarp, num_threads_ - first);
      do {
        for (size_t k = 0; k < width; ++k) {
          const size_t next = first + nth(k, width);
          if (threads_[next].state == State::kReady) resume(next);
        }
        if (error_) std::rethrow_exception(error_);
      } while (release_warp(first, first + width));
    }
  }

  /// Lets all threads go that are at one barrier. False when all have ended.
  bool release_block() {
    const Thread& first = threads_[0];
    for (size_t i = 1; i < num_threads_; ++i) {
      if (threads_[i].state != first.state || (first.state != State::kEnded && !same_place(threads_[i], first))) {
        throw Error(
            "emulated block: expected all {} threads at one barrier or at their end, got thread 0 {}, thread {} {}",
            num_threads_, describe(first), i, describe(threads_[i]));
      }
    }
    if (first.state == State::kEnded) return false;
    for (size_t i = 0; i < num_threads_; ++i) threads_[i].state = State::kReady;
    return true;
  }

  /// Lets the threads of a warp go that are at one shuffle, with what they get from each other.
  bool release_warp(size_t first, size_t end) {
    for (size_t i = first; i < end; ++i) {
      if (threads_[i].state != State::kAtShuffle || !same_place(threads_[i], threads_[first])) return false;
    }
    for (size_t i = first; i < end; ++i) {
      const size_t source = i + threads_[i].offset;
      std::memcpy(threads_[i].result, threads_[source < end ? source : i].value, kValueBytes);
      threads_[i].state = State::kReady;
    }
    return true;
  }

  static bool same_place(const Thread& a, const Thread& b) {
    return a.state == b.state && a.where.line == b.where.line && std::strcmp(a.where.file, b.where.file) == 0;
  }

  static std::string describe(const Thread& thread) {
    if (thread.state == State::kEnded) return "ended";
    return fmt::format("at {}:{}", thread.where.file, thread.where.line);
  }

  std::vector<Thread> threads_;  // as many as the widest block had; a block has the first num_threads_
  size_t num_threads_ = 0;
  size_t current_ = 0;
  const std::function<void()>* function_ = nullptr;
  std::exception_ptr error_;
  bool stop_ = false;
  fiber main_;
  const void* main_stack_ = nullptr;
  size_t main_stack_bytes_ = 0;
};

std::atomic<int64_t> num_run = 0;

Block& block() {
  static thread_local Block instance;
  return instance;
}

}  // namespace

int64_t num_blocks_run() {
  return num_run;
}

void run_block(int num_threads, Order order, const std::function<void()>& thread) {
  ++num_run;
  block().run(static_cast<size_t>(num_threads), order, thread);
}

void wait_for_block(Place where) {
  block().wait(State::kAtBarrier, where);
}

void shuffle_down(void* result, const void* value, int num_bytes, int offset, Place where) {
  Thread& thread = block().current();
  thread.offset = static_cast<size_t>(offset);
  std::memcpy(thread.value, value, static_cast<size_t>(num_bytes));
  block().wait(State::kAtShuffle, where);
  std::memcpy(result, thread.result, static_cast<size_t>(num_bytes));
}

}  // namespace emulated
}  // namespace murmur
