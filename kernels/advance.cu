// The end of a tick: each network counts its samples and updates, and what it has scheduled moves on. A kernel of its
// own, because all others read the state.
#include "murmur/kernels/advance.hpp"

#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

struct Advance {
  static constexpr int kWidth = 32;
  StepArgs step;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t /*tile*/) const {
    all.leader([&] {
      NetworkState& state = step.state[network];
      const int64_t rows = state.num_rows(step.micro_batch, step.epoch_size);
      const auto batch_size = static_cast<int64_t>(step.techniques.get(Technique::kBatchSize, network));
      if (state.completes_batch(step.micro_batch, step.epoch_size, batch_size)) {
        state.update += state.status == NetworkStatus::kRunning ? 1 : 0;
        state.batch_count = 0;
        step.schedules.enforce(network, state.item + rows, state.update);
      } else {
        state.batch_count += rows;
      }
      state.position += rows;
      state.item += rows;
      state.num_samples += rows;
    });
  }
};

}  // namespace

void advance(murmur::Stream& stream, const StepArgs& step) {
  launch(stream, "advance", step.num_networks, 1, Advance{step});
}

}  // namespace murmur::MURMUR_TARGET
