#pragma once

#include <string>
#include <vector>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/cuda/cudnn_descriptor.hpp"

namespace murmur::cuda {

/// How tensors are called in a plan and in the pointers of a call.
enum TensorId : int64_t { kInput = 1, kWeight, kOutput };

/// A way to run one network's convolution, with the descriptor that it was made from.
struct Plan {
  Descriptor configuration;
  Descriptor plan;
  int64_t workspace_bytes = 0;  // whole cache lines
  std::string name;             // "engine 12 4=7": the engine and its settings; empty where cuDNN does not say

  Plan(cudnnHandle_t handle, Descriptor from);
};

/// The plans that may be used, the most promising first; an engine that refuses is left out. Operands start at whole
/// quads. Backward weight overwrites. With a name: the plan of that name alone, if it is there.
/// Throws: CudnnError.
std::vector<Plan> candidate_plans(cudnnHandle_t handle, ConvolutionPass pass, const ConvolutionShape& shape,
                                  bool allow_tf32, const std::string& wanted_name);

}  // namespace murmur::cuda
