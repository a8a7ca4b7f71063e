#pragma once

// How a kernel body, written once, runs on each target. A kernel is a POD functor
//
//   struct K {
//     static constexpr int kWidth = 128;      // lanes of a tile: threads of a block, or the length of a CPU vector
//     loop MURMUR_KERNEL void operator()(const Lanes<kWidth>& all, int64_t network, int64_t tile) const;
//   };
//
// launched over [num_networks] x [num_tiles]. Inside, code is written for all lanes of a tile at once:
//
//   lanes.each([&](int i) { ... });      memory access: exactly the lanes that exist
//   lanes.compute([&](int i) { ... });   arithmetic on PerLane values: may run on a few lanes more, never on memory
//   lanes.sum(x), lanes.sync(), lanes.leader([&] { ... })
//   lanes.sum(xs, sums)                  of an array of PerLane values at once: a GPU waits as for one
//   lanes.once([&] { return value; })    what is the same for all lanes and dear: one of them computes it
//   PerLane<T> x;  x[i]                  one value a lane: a register on the GPU, an array in L1 on the CPU
//
// Where a lane is a quad of consecutive elements, randomness comes by quads and everything else goes by elements:
//
//   lanes = all.first_elements(n)        the lanes whose quads hold n elements
//   lanes.elements([&](int e) { ... });  arithmetic on Elements and PerElement values
//   lanes.each_element([&](int e) { ... });  memory access and sums: exactly the elements that exist
//   lanes.read_places(places, run, x, [&](int e, int32_t place, T value) { ... });  the same with value = x[place], for
//                                        memory elsewhere: the places of every `run` elements (kLongestRun, half of
//                                        it and so on to kShortestRun, or 1) follow
//                                        one another, the first a multiple of it, and there are whole runs; what is
//                                        not there of a quad may be called for, with value 0
//   lanes.write_places(places, run, x, [&](int e, int32_t place) { return value; });  x[place] = value
//   Elements<T> x(memory);  x[e]         a tensor's elements, between x.load(lanes) and x.store(lanes)
//   lanes.fold(x, count, period, memory);  memory[c] = x[c] + x[c + period] + ... of the first `count` elements
//   PerElement<T> n;  n[e]               values that lanes.fill(n, [&](int i) { return quad; }) has set
//
// Uniform decisions (is this technique on for this network?) are plain `if`s around `each` and `compute`: a uniform
// branch on the GPU, and on the CPU a loop that is vectorised without them.

#include "murmur/engine/stream.hpp"
#include "murmur/engine/target.hpp"

#if defined(__CUDACC__)
#include "murmur/kernels/parallel_cuda.cuh"
#elif defined(MURMUR_EMULATE_GPU)
#include "murmur/kernels/emulated/parallel.hpp"
#else
#include "murmur/kernels/parallel_cpu.hpp"
#endif
