#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// A fresh kernel of one layer for the selected networks: N(0, scale^2), scale 0 for the technique `init_scale`.
/// Shapes: weight [P, num_elements], selected u8 [P].
template <class T>
struct InitializeArgs {
  StepArgs step;
  uint32_t layer = 0;
  double scale = 0;
  int64_t num_elements = 0;
  PerNetwork<T> weight;
  const uint8_t* selected = nullptr;
};

/// Makes the rows of each kernel orthonormal, or its columns where those are fewer, by Gram and Schmidt: of independent
/// normals, so that every orientation is as likely. Shapes: weight [P, rows, columns], selected u8 [P]. Source: Saxe et
/// al. 2014; the modified form, twice, keeps its float digits (Giraud et al. 2005).
template <class T>
struct OrthogonalizeArgs {
  int64_t num_networks = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  PerNetwork<T> weight;
  const uint8_t* selected = nullptr;
};

/// One value everywhere, for the selected networks. Shapes: values [P, stride], of which num_elements (whole quads) are
/// filled.
template <class T>
struct FillArgs {
  int64_t num_networks = 0;
  PerNetwork<T> values;
  int64_t num_elements = 0;
  T value = 0;
  const uint8_t* selected = nullptr;
};

MURMUR_DECLARE_KERNEL(initialize, InitializeArgs)
MURMUR_DECLARE_KERNEL(orthogonalize, OrthogonalizeArgs)
MURMUR_DECLARE_KERNEL(fill, FillArgs)

}  // namespace murmur
