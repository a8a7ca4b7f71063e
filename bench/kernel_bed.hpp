#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/common.hpp"
#include "bench/nvbench.hpp"
#include "murmur/kernels/step_args.hpp"

// What a benchmark of one kernel works on.
namespace murmur::bench {

struct Value {
  Technique technique;
  double value;
};
/// A benchmark's last name and what is on in it.
struct Variant {
  std::string name;
  std::vector<Value> on;
};

/// A kernel that is ready to be captured. `prepare` restores what it changes; it runs before every replay, untimed.
struct Work {
  std::function<void(int index)> launch;
  std::function<void()> prepare = [] {};
  double num_elements = 0;
  double num_bytes = 0;  // read and written; 0: none to speak of
  int num_launches = 0;  // of one replay; 0: the bed's number
};

struct Bed;
using Make = std::function<Work(Bed&)>;

/// A device with its stream and the bandwidth of a large copy, bytes read and written.
struct Bed {
  Device device;
  std::unique_ptr<Stream> stream;
  int64_t num_networks = 0;
  int64_t micro_batch = 0;
  double copy_bytes_per_second = 0;
  std::vector<NvbenchState> states;  // of the benchmarks that ran

  /// Enough to hide what a replay costs by itself.
  int num_launches() const { return device.is_cuda() ? 8 : 64; }
};

/// The state and the technique table of P networks, all with the same setting.
class Networks {
 public:
  Networks(const Bed& bed, const std::vector<Value>& on);
  const StepArgs& step() const { return step_; }

 private:
  Tensor state_, techniques_;
  StepArgs step_;
};

/// A tensor and what it holds at the start of every replay.
class Restored {
 public:
  explicit Restored(const Tensor& source);
  Restored(const Bed& bed, const Shape& shape, uint64_t seed, double scale);

  const Tensor& tensor() const { return tensor_; }
  void restore(Bed& bed) const;

 private:
  Tensor source_, tensor_;
};

}  // namespace murmur::bench
