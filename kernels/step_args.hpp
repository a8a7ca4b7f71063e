#pragma once

#include <cstdint>

#include "murmur/kernels/network_state.hpp"
#include "murmur/techniques/definitions.hpp"
#include "murmur/techniques/schedule_table.hpp"
#include "murmur/techniques/technique_table.hpp"

namespace murmur {

// P networks, m rows of the micro-batch, D elements of a sample, F features, C channels, K classes. Counts that say
// "padded" are rounded up to whole quads; padding reaches no result, and that of activations is never written: it stays
// the arena's 0.
//
// Layouts: the input and images are sample-major [P, m, padded D]; hidden activations and logits are feature-major
// [P, padded F, m]. With the samples innermost every loop over lanes is contiguous on both targets, whatever F is, and
// GEMMs see leading dimensions that are multiples of four (50 and 10 features are not).

/// What every kernel of a step needs: who the networks are and what is in force.
struct StepArgs {
  NetworkState* state = nullptr;  // [P]
  TechniqueTable techniques;
  const float* rrelu = nullptr;  // [P], of an evaluation: the technique's values; null: all are off
  ScheduleTable schedules;
  int64_t num_networks = 0;
  int64_t micro_batch = 0;
  int64_t epoch_size = 0;  // samples of an epoch, or of an evaluation
  Definitions definitions;
  bool fast_normals = false;  // FastNormals where they exist: on a GPU, in float
};

/// The masks that end a layer, where they are on: its dropout, and dropconnect on the next layer's inputs.
struct LayerMasks {
  uint32_t layer = 0;  // part of the random numbers' address
  bool dropout = false;
  bool next_input = false;
};

}  // namespace murmur
