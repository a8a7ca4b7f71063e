#pragma once

#include <cstdint>

#include "murmur/engine/device.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/engine/stream.hpp"

// Kernels that only benchmarks need: the ceilings that the fused kernels are held against.
namespace murmur::bench {

/// target = source, in quads: what memory gives.
struct CopyArgs {
  const Quad<float>* source = nullptr;
  Quad<float>* target = nullptr;
  int64_t num_quads = 0;
};

/// Normals that never leave registers (on the CPU: L1), and their sums per lane: what the generator gives.
struct NormalsArgs {
  static constexpr int kLanes = 256;
  Quad<float>* sums = nullptr;  // [num_tiles * kLanes]
  int64_t num_tiles = 0;
  int64_t quads_per_lane = 0;
  uint64_t seed = 0;
  bool seven_rounds = false;  // of Philox, instead of ten
  bool fast = false;          // FastNormals, ten rounds; where the device has them

  int64_t num_normals() const { return num_tiles * kLanes * quads_per_lane * 4; }
};

}  // namespace murmur::bench

namespace murmur {

#define MURMUR_DECLARE_REFERENCE(name, Args)                  \
  namespace cpu {                                             \
  void name(murmur::Stream& stream, const bench::Args& args); \
  }                                                           \
  namespace cuda {                                            \
  void name(murmur::Stream& stream, const bench::Args& args); \
  }                                                           \
  namespace bench {                                           \
  inline void name(Stream& stream, const Args& args) {        \
    if (!stream.device().is_cuda()) {                         \
      cpu::name(stream, args);                                \
    } else if constexpr (kCudaBuild) {                        \
      cuda::name(stream, args);                               \
    }                                                         \
  }                                                           \
  }

MURMUR_DECLARE_REFERENCE(copy, CopyArgs)
MURMUR_DECLARE_REFERENCE(normals, NormalsArgs)

#undef MURMUR_DECLARE_REFERENCE

}  // namespace murmur
