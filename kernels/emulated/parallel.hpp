#pragma once

#include <atomic>
#include <cstdint>

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/kernels/emulated/words.hpp"
#include "murmur/kernels/lanes_cuda.hpp"

namespace murmur::MURMUR_TARGET {

/// Runs kernel(lanes, network, tile) for every network and tile: one block of emulated threads each. Every other run of
/// a launch goes through tiles and threads backwards: what depends on their order is not the same twice.
template <class Kernel>
void launch(murmur::Stream& stream, const char* name, int64_t num_networks, int64_t num_tiles, const Kernel& kernel) {
  static_cast<cpu::Stream&>(stream).run(name, num_networks, [kernel, num_tiles](int64_t network) {
    static std::atomic<unsigned> num_runs = 0;
    const bool backwards = num_runs++ % 2 == 1;
    for (int64_t i = 0; i < num_tiles; ++i) {
      const int64_t tile = backwards ? num_tiles - 1 - i : i;
      emulated::run_block(Kernel::kWidth, backwards ? emulated::Order::kDescending : emulated::Order::kAscending,
                          [&] { kernel(Lanes<Kernel::kWidth>(), network, tile); });
    }
  });
}

}  // namespace murmur::MURMUR_TARGET
