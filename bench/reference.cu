#include "bench/reference.hpp"

#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/kernels/parallel.hpp"

namespace murmur::MURMUR_TARGET {
namespace {

struct Copy {
  static constexpr int kWidth = 256;
  bench::CopyArgs args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t /*network*/, int64_t tile) const {
    const int64_t first = tile * kWidth;
    const Quad<float>* source = args.source + first;
    Quad<float>* target = args.target + first;
    all.first(args.num_quads - first).each([&](int i) { target[i] = source[i]; });
  }
};

template <int kRounds, class Draw>
struct Normals {
  static constexpr int kWidth = bench::NormalsArgs::kLanes;
  bench::NormalsArgs args;

  MURMUR_KERNEL void operator()(const Lanes<kWidth>& lanes, int64_t /*network*/, int64_t tile) const {
    const uint64_t seed = args.seed;
    PerLaneQuad<float, kWidth> sum;
    lanes.compute([&](int i) { sum.set(i, {0, 0, 0, 0}); });
    for (int64_t round = 0; round < args.quads_per_lane; ++round) {
      const auto position = static_cast<uint64_t>((tile * args.quads_per_lane + round) * kWidth);
      lanes.compute([&](int i) {
        const Quad<float> n = Draw()(philox<kRounds>(position + static_cast<uint64_t>(i), 0, 0, seed));
        sum.set(i, map(sum.get(i), n, [](float a, float b) { return a + b; }));
      });
    }
    Quad<float>* target = args.sums + tile * kWidth;
    lanes.each([&](int i) { target[i] = sum.get(i); });
  }
};

}  // namespace

void copy(murmur::Stream& stream, const bench::CopyArgs& args) {
  launch(stream, "copy", 1, (args.num_quads + Copy::kWidth - 1) / Copy::kWidth, Copy{args});
}

void normals(murmur::Stream& stream, const bench::NormalsArgs& args) {
  if constexpr (kHasFastNormals) {
    if (args.fast) {
      launch(stream, "normals", 1, args.num_tiles, Normals<10, FastNormals>{args});
      return;
    }
  }
  if (args.seven_rounds) {
    launch(stream, "normals", 1, args.num_tiles, Normals<7, ExactNormals>{args});
  } else {
    launch(stream, "normals", 1, args.num_tiles, Normals<10, ExactNormals>{args});
  }
}

}  // namespace murmur::MURMUR_TARGET
