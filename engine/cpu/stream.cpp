#include "murmur/engine/cpu/stream.hpp"

#include <cstring>
#include <utility>

#include "murmur/engine/cpu/host.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/memory.hpp"

namespace murmur::cpu {

class RecordedGraph final : public Graph {
 public:
  RecordedGraph(ThreadPool& pool, std::vector<Stream::Node> nodes)
      : pool_(pool), nodes_(std::move(nodes)), num_networks_(nodes_.empty() ? 0 : nodes_.front().num_networks) {
    for (const Stream::Node& node : nodes_) {
      if (node.num_networks != num_networks_) {
        throw ShapeError("capture: expected every operation to have P={} networks, got {} in {}", num_networks_,
                         node.num_networks, node.name);
      }
    }
  }

  void launch(int64_t count, std::span<const uint8_t> active) override {
    if (!active.empty() && static_cast<int64_t>(active.size()) != num_networks_) {
      throw ShapeError("launch: expected active [P={}], got [{}]", num_networks_, active.size());
    }
    pool_.for_each(num_networks_, [&](int64_t network) {
      if (!active.empty() && active[static_cast<size_t>(network)] == 0) return;
      for (int64_t i = 0; i < count; ++i) {
        for (const Stream::Node& node : nodes_) node.function(network);
      }
    });
  }

  int64_t num_nodes() const override { return static_cast<int64_t>(nodes_.size()); }

 private:
  ThreadPool& pool_;
  std::vector<Stream::Node> nodes_;
  int64_t num_networks_;
};

Stream::Stream(int num_threads) : murmur::Stream(kCpu), pool_(num_threads > 0 ? num_threads : num_cores()) {}

void Stream::begin_capture() {
  if (capturing_) throw Error("begin_capture: the stream is capturing already");
  capturing_ = true;
  nodes_.clear();
}

std::unique_ptr<Graph> Stream::end_capture() {
  if (!capturing_) throw Error("end_capture: the stream is not capturing");
  capturing_ = false;
  return std::make_unique<RecordedGraph>(pool_, std::exchange(nodes_, {}));
}

void Stream::copy_to_host(void* target, const void* source, int64_t num_bytes) {
  count_host_copy();
  std::memcpy(target, source, static_cast<size_t>(num_bytes));
}

void Stream::copy_from_host(void* target, const void* source, int64_t num_bytes) {
  copy_to_host(target, source, num_bytes);
}

void Stream::clear(void* memory, int64_t num_bytes) {
  std::memset(memory, 0, static_cast<size_t>(num_bytes));
}

void Stream::run(const char* name, int64_t num_networks, NetworkFunction function) {
  if (capturing_) {
    nodes_.push_back({name, num_networks, std::move(function)});
  } else {
    pool_.for_each(num_networks, function);
  }
}

}  // namespace murmur::cpu
