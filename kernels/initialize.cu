// Fresh parameters for the networks that a new trial moves into.
#include "murmur/kernels/initialize.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/techniques/noise/weight.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

constexpr int kQuads = 128;

int64_t num_tiles(int64_t num_elements) {
  return (num_quads(num_elements) + kQuads - 1) / kQuads;
}

template <class T>
struct Initialize {
  static constexpr int kWidth = kQuads;
  InitializeArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    if (args.selected[network] == 0) return;
    const T scale = static_cast<T>(
        args.scale > 0 ? args.scale : static_cast<double>(args.step.techniques.get(Technique::kInitScale, network)));
    const uint64_t seed = args.step.state[network].seed;
    const int64_t first = tile * kWidth;
    const uint32_t site = make_site(Technique::kInitScale, args.layer);
    const Lanes<kWidth> lanes = all.first_elements(args.num_elements - 4 * first);
    PerElement<float, kWidth> n;
    lanes.fill(n, [&](int i) { return normal(philox(static_cast<uint64_t>(first + i), site, 0, seed)); });
    Elements<T> w(args.weight[network] + 4 * first);
    lanes.elements([&](int e) { w[e] = noise::initial_weight(scale, n[e]); });
    w.store(lanes);  // the last quad may be partial: its padding stays 0
  }
};

template <class T>
struct Fill {
  static constexpr int kWidth = kQuads;
  FillArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const {
    if (args.selected[network] == 0) return;
    const int64_t first = tile * kWidth;
    Quad<T>* values = as_quads(args.values[network]) + first;
    const T value = args.value;
    all.first(args.num_elements / 4 - first).each([&](int i) { values[i] = {value, value, value, value}; });
  }
};

}  // namespace

template <class T>
void initialize(murmur::Stream& stream, const InitializeArgs<T>& args) {
  launch(stream, "initialize", args.step.num_networks, num_tiles(args.num_elements), Initialize<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(initialize, InitializeArgs)

template <class T>
void fill(murmur::Stream& stream, const FillArgs<T>& args) {
  launch(stream, "fill", args.num_networks, num_tiles(args.num_elements), Fill<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(fill, FillArgs)

}  // namespace murmur::MURMUR_TARGET
