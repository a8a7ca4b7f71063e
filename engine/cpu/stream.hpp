#pragma once

#include <functional>
#include <vector>

#include "murmur/engine/cpu/thread_pool.hpp"
#include "murmur/engine/stream.hpp"

namespace murmur::cpu {

/// The work of one operation for one network.
using NetworkFunction = std::function<void(int64_t network)>;

class Stream final : public murmur::Stream {
 public:
  explicit Stream(int num_threads);

  void synchronize() override {}
  void begin_capture() override;
  std::unique_ptr<Graph> end_capture() override;
  bool is_capturing() const override { return capturing_; }
  void copy_to_host(void* target, const void* source, int64_t num_bytes) override;
  void copy_from_host(void* target, const void* source, int64_t num_bytes) override;
  void clear(void* memory, int64_t num_bytes) override;

  /// Runs function(p) for every network p, or records it while capturing. `name` must outlive the stream (a literal).
  void run(const char* name, int64_t num_networks, NetworkFunction function);

  ThreadPool& pool() { return pool_; }

 private:
  friend class RecordedGraph;
  struct Node {
    const char* name;
    int64_t num_networks;
    NetworkFunction function;
  };

  ThreadPool pool_;
  bool capturing_ = false;
  std::vector<Node> nodes_;
};

}  // namespace murmur::cpu
