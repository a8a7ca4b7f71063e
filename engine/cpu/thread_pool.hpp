#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace murmur::cpu {

/// Threads that share out the networks of a population. Plain threads and not OpenMP: oneDNN brings its own OpenMP
/// runtime, which may differ from the compiler's, and must stay single-threaded inside of each of ours.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  /// Calls body(i) for every i in [0, count), each on one thread, and waits. Rethrows the first exception.
  void for_each(int64_t count, const std::function<void(int64_t)>& body);

 private:
  void work();
  void end();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int64_t)>* body_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_{0};
  int64_t generation_ = 0;
  int num_busy_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
};

}  // namespace murmur::cpu
