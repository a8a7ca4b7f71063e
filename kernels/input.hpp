#pragma once

#include <cstdint>

#include "murmur/engine/image_size.hpp"
#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Kernel 1, the input: gather · (keyed permutation) · u8 -> [0, 1] · flip, rotation, zoom, translation (one
/// resampling) · contrast · noise on the elements · input mask of the first layer; and the targets, with label noise
/// and DisturbLabel. With `has_regions`, `input_regions` has run before it, a kernel by itself, because few trials need
/// what it does: resampling · random crop · mixing with another sample · contrast · cutout, random erasing. Shapes:
/// images u8 [N, D = height x width x channels], labels u8 [N], output [P, m, padded D], targets [P, m] (-1: no sample
/// in this row), second_targets and target_shares [P, m]: the label that a sample is mixed with, and the share of its
/// own; written where one is.
template <class T>
struct InputArgs {
  StepArgs step;
  const uint8_t* images = nullptr;
  const uint8_t* labels = nullptr;
  int64_t first = 0;  // the split's first sample
  ImageSize size;
  bool mask_input = false;  // dropconnect on inputs, and a layer that is not the last comes next
  PerNetwork<T> output;
  int32_t* targets = nullptr;
  int32_t* second_targets = nullptr;
  float* target_shares = nullptr;
  int64_t num_classes = 0;  // of label noise
  bool has_regions = false;

  MURMUR_HD int64_t sample_size() const { return size.elements(); }
};

MURMUR_DECLARE_KERNEL(input_regions, InputArgs)
MURMUR_DECLARE_KERNEL(input_forward, InputArgs)

}  // namespace murmur
