#pragma once

#include "murmur/kernels/emulated/block.hpp"

// The words of CUDA that lanes_cuda.hpp uses.

#define __device__
#define __shared__ static thread_local  // a block runs on one thread
#define threadIdx ::murmur::emulated::thread_index

inline void __syncthreads(murmur::emulated::Place where = murmur::emulated::Place::current()) {
  murmur::emulated::wait_for_block(where);
}

template <class T>
T __shfl_down_sync(unsigned /*mask*/, T value, int offset,
                   murmur::emulated::Place where = murmur::emulated::Place::current()) {
  T result;
  murmur::emulated::shuffle_down(&result, &value, sizeof(T), offset, where);
  return result;
}

template <class T>
T __ldg(const T* address) {
  return *address;
}
