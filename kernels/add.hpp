#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"

namespace murmur {

/// target += source, or target = source. Shapes: [P, n].
template <class T>
struct AddArgs {
  int64_t num_networks = 0;
  int64_t num_elements = 0;
  PerNetwork<const T> source;
  PerNetwork<T> target;
  bool accumulate = true;
};

MURMUR_DECLARE_KERNEL(add, AddArgs)

}  // namespace murmur
