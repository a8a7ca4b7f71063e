#include "murmur/engine/cpu/thread_pool.hpp"

#include <utility>

// oneDNN's OpenMP runtime (GNU). Sets the number of threads for calls from the calling thread only.
extern "C" void omp_set_num_threads(int);

namespace murmur::cpu {

ThreadPool::ThreadPool(int num_threads) {
  threads_.reserve(static_cast<size_t>(num_threads));
  try {
    for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {  // the machine gives no more threads; those that run must end before they are destroyed
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  end();
}

void ThreadPool::end() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::for_each(int64_t count, const std::function<void(int64_t)>& body) {
  std::unique_lock lock(mutex_);
  body_ = &body;
  count_ = count;
  next_ = 0;
  num_busy_ = size();
  error_ = nullptr;
  ++generation_;
  wake_.notify_all();
  done_.wait(lock, [this] { return num_busy_ == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::work() {
  omp_set_num_threads(1);
  int64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
    if (stop_) return;
    seen = generation_;
    lock.unlock();
    try {
      for (int64_t i = next_++; i < count_; i = next_++) (*body_)(i);
    } catch (...) {
      next_ = count_;
      const std::lock_guard error_lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
    lock.lock();
    if (--num_busy_ == 0) done_.notify_one();
  }
}

}  // namespace murmur::cpu
