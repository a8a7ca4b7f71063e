#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/kernels/emulated/words.hpp"
#include "murmur/kernels/lanes_cuda.hpp"

namespace murmur::MURMUR_TARGET {

/// Runs kernel(lanes, network, tile) for every network and tile: a block of emulated threads each, or, every other
/// time, one for two networks, as where there are more networks than blocks (a capture is told network by network which
/// it is to run, and has a block for each). Every other block goes through tiles and threads backwards: what depends on
/// their order is not the same twice.
template <class Kernel>
void launch(murmur::Stream& stream, const char* name, int64_t num_networks, int64_t num_tiles, const Kernel& kernel) {
  static std::atomic<unsigned> num_launches = 0;
  const int64_t most = !stream.is_capturing() && num_launches++ % 2 == 0 ? 2 : 1;
  static_cast<cpu::Stream&>(stream).run(name, num_networks, [=](int64_t first) {
    if (first % most != 0) return;
    static std::atomic<unsigned> num_runs = 0;
    const bool backwards = num_runs++ % 2 == 1;
    for (int64_t i = 0; i < num_tiles; ++i) {
      const int64_t tile = backwards ? num_tiles - 1 - i : i;
      emulated::run_block(Kernel::kWidth, backwards ? emulated::Order::kDescending : emulated::Order::kAscending, [&] {
        const Lanes<Kernel::kWidth> lanes;
        for (int64_t network = first; network < std::min(first + most, num_networks); ++network) {
          kernel(lanes, network, tile);
        }
      });
    }
  });
}

}  // namespace murmur::MURMUR_TARGET
