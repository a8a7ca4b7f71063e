#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "murmur/engine/device.hpp"

namespace murmur {

/// Work captured once and replayed: a CUDA graph on a GPU, the recorded list of operations on the CPU.
class Graph {
 public:
  virtual ~Graph() = default;
  /// Runs the captured work `count` times, in order, on the stream that captured it; does not wait. On the CPU one core
  /// runs all repetitions of one network (its weights and activations stay in that core's cache), and the call returns
  /// when all are done. Networks p with active[p] == 0 may be skipped (empty: none is).
  virtual void launch(int64_t count, std::span<const uint8_t> active = {}) = 0;
  /// Operations (CPU) or graph nodes (GPU) of one repetition.
  virtual int64_t num_nodes() const = 0;
};

/// An ordered queue of operations on one device. Every operation is separable along axis 0 (the network); that is what
/// lets the CPU run one network after the other through a captured step.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Device device() const { return device_; }
  /// Waits for all work. Throws: CudaError for what failed since the last wait.
  virtual void synchronize() = 0;
  /// From here until end_capture(), operations are recorded and not run. Throws: Error when already capturing.
  virtual void begin_capture() = 0;
  virtual std::unique_ptr<Graph> end_capture() = 0;
  virtual bool is_capturing() const = 0;

  /// Queues a copy between memory of this device and the host, which must be of allocate_pinned() and stay as it is
  /// until synchronize(). On the CPU it is done at once.
  virtual void copy_to_host(void* target, const void* source, int64_t num_bytes) = 0;
  virtual void copy_from_host(void* target, const void* source, int64_t num_bytes) = 0;
  /// Queues zeros for memory of this device.
  virtual void clear(void* memory, int64_t num_bytes) = 0;

 protected:
  explicit Stream(Device device) : device_(device) {}

 private:
  Device device_;
};

/// A capture that ends with its scope. Where finish() is not reached, because an operation throws, what was recorded is
/// thrown away, and the stream runs its operations again.
class Capture {
 public:
  explicit Capture(Stream& stream) : stream_(stream) { stream.begin_capture(); }
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  std::unique_ptr<Graph> finish();

 private:
  Stream& stream_;
  bool is_finished_ = false;
};

/// num_threads: worker threads of a CPU stream, 0 for one per usable core; ignored on a GPU.
/// Throws: DeviceUnavailable, CudaError, InvalidArgument.
std::unique_ptr<Stream> make_stream(Device device, int num_threads = 0);

}  // namespace murmur
