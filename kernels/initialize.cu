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

/// One tile a network; its lanes walk along a vector.
template <class T>
struct Orthogonalize {
  static constexpr int kWidth = kQuads;
  OrthogonalizeArgs<T> args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t /*tile*/) const {
    if (args.selected[network] == 0) return;
    T* weight = args.weight[network];
    const bool by_rows = args.rows <= args.columns;
    const int64_t count = by_rows ? args.rows : args.columns;
    const int64_t size = by_rows ? args.columns : args.rows;
    const int64_t to_next = by_rows ? args.columns : 1;
    const int64_t step = by_rows ? 1 : args.columns;
    for (int64_t i = 0; i < count; ++i) {
      T* vector = weight + i * to_next;
      for (int pass = 0; pass < 2; ++pass) {
        for (int64_t j = 0; j < i; ++j) {
          const T* other = weight + j * to_next;
          const auto projection = static_cast<T>(product(all, vector, other, size, step));
          for (int64_t first = 0; first < size; first += kWidth) {
            all.first(size - first).each([&](int k) {
              const int64_t place = (first + k) * step;
              vector[place] -= projection * other[place];
            });
          }
        }
      }
      const auto scale = static_cast<T>(1 / square_root(product(all, vector, vector, size, step)));
      for (int64_t first = 0; first < size; first += kWidth) {
        all.first(size - first).each([&](int k) { vector[(first + k) * step] *= scale; });
      }
    }
  }

  /// Each lane reads what it has written itself.
  MURMUR_KERNEL static double product(const Lanes<kWidth>& all, const T* a, const T* b, int64_t size, int64_t step) {
    PerLane<double, kWidth> sum;
    all.each([&](int k) { sum[k] = 0; });
    for (int64_t first = 0; first < size; first += kWidth) {
      all.first(size - first).each([&](int k) {
        const int64_t place = (first + k) * step;
        sum[k] += static_cast<double>(a[place]) * static_cast<double>(b[place]);
      });
    }
    return all.sum(sum);
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
void orthogonalize(murmur::Stream& stream, const OrthogonalizeArgs<T>& args) {
  launch(stream, "orthogonalize", args.num_networks, 1, Orthogonalize<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(orthogonalize, OrthogonalizeArgs)

template <class T>
void fill(murmur::Stream& stream, const FillArgs<T>& args) {
  launch(stream, "fill", args.num_networks, num_tiles(args.num_elements), Fill<T>{args});
}

MURMUR_INSTANTIATE_KERNEL(fill, FillArgs)

}  // namespace murmur::MURMUR_TARGET
