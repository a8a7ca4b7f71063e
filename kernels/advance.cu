// The end of a tick: each network counts its samples and updates. A kernel of its own, because all others read the
// state.
#include "murmur/kernels/kernels.hpp"
#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

struct Advance {
  static constexpr int kWidth = 32;
  AdvanceArgs args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t /*tile*/) const {
    all.leader([&] {
      NetworkState& state = args.step.state[network];
      const int64_t rows = state.num_rows(args.step.micro_batch, args.step.epoch_size);
      const auto batch_size = static_cast<int64_t>(args.step.techniques.get(Technique::kBatchSize, network));
      if (state.completes_batch(args.step.micro_batch, args.step.epoch_size, batch_size)) {
        state.update += state.status == NetworkStatus::kRunning ? 1 : 0;
        state.batch_count = 0;
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

void advance(murmur::Stream& stream, const AdvanceArgs& args) {
  launch(stream, "advance", args.step.num_networks, 1, Advance{args});
}

}  // namespace murmur::MURMUR_TARGET
