#pragma once

#include <cstdint>
#include <vector>

#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/engine/tensor.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur::test {

/// The states and the technique table of a population, on the host, and on a device for a kernel.
class Population {
 public:
  Population(int64_t num_networks, Device device)
      : states(static_cast<size_t>(num_networks)),
        table_(table_of_off_values(num_networks)),
        device_state_(Tensor::zeros({num_networks, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8, device)),
        device_table_(Tensor::zeros({kNumTechniques, num_networks}, DType::kF32, device)) {
    for (int64_t p = 0; p < num_networks; ++p) {
      // Odd numbers, different for each network, so that nothing passes by being 0 or the same.
      NetworkState& state = states[static_cast<size_t>(p)];
      state.seed = 0x9876543210ull + 977 * static_cast<uint64_t>(p);
      state.epoch = 3 + p;
      state.item = 1000003 + 131 * p;
      state.update = 17 + p;
      state.status = NetworkStatus::kRunning;
    }
  }

  int64_t num_networks() const { return static_cast<int64_t>(states.size()); }
  void set(Technique id, int64_t network, double value) { table_[index(id, network)] = static_cast<float>(value); }
  /// The value as a kernel sees it: rounded to float.
  float get(Technique id, int64_t network) const { return table_[index(id, network)]; }

  /// Copies states and table to the device.
  StepArgs upload(int64_t micro_batch, int64_t epoch_size) {
    device_state_.copy_from_host(states.data(), static_cast<int64_t>(states.size() * sizeof(NetworkState)));
    device_table_.copy_from_host(table_.data(), static_cast<int64_t>(table_.size() * sizeof(float)));
    StepArgs args;
    args.state = reinterpret_cast<NetworkState*>(device_state_.raw());
    args.techniques = {device_table_.data<float>(), num_networks()};
    args.num_networks = num_networks();
    args.micro_batch = micro_batch;
    args.epoch_size = epoch_size;
    return args;
  }
  void download() { device_state_.copy_to_host(states.data()); }

  std::vector<NetworkState> states;

 private:
  size_t index(Technique id, int64_t network) const {
    return static_cast<size_t>(static_cast<int64_t>(id) * num_networks() + network);
  }

  std::vector<float> table_;
  Tensor device_state_;
  Tensor device_table_;
};

/// The address of DESIGN.md, written out once more for the tests: word or normal of one element.
struct Address {
  uint64_t seed;
  Technique technique;
  uint32_t layer;

  Quad<uint32_t> words(uint64_t item, uint64_t quads_per_item, uint64_t quad) const {
    return philox(item * quads_per_item + quad, (static_cast<uint32_t>(technique) << 24) + layer, 0, seed);
  }
  double normal_of(uint64_t item, uint64_t quads_per_item, uint64_t element) const {
    return static_cast<double>(normal(words(item, quads_per_item, element / 4)).v[element % 4]);
  }
  /// 1[U > p]
  bool keeps(uint64_t item, uint64_t quads_per_item, uint64_t element, float p) const {
    return uniform(words(item, quads_per_item, element / 4).v[element % 4]) > p;
  }
};

}  // namespace murmur::test
