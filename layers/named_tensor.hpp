#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/engine/image_size.hpp"
#include "murmur/engine/tensor.hpp"

namespace murmur {

/// A parameter or a running statistic of a population, and where a PyTorch user finds its elements.
struct NamedTensor {
  std::string name;             // "conv1.weight", "norm1.running_mean"
  Shape shape;                  // of one network, as PyTorch has it: OIHW [64, 32, 3, 3], [out, in], [C]
  Tensor values;                // [P, ...] in the engine's layout: a view, whose network_stride applies
  std::vector<int64_t> places;  // of each element of `shape` in row-major order: its index within one network's values
  bool is_statistics = false;   // running_mean, running_var: no gradient changes them
};

/// A named tensor before it has memory: which of the Parameters' kernels and vectors, or statistics, it is.
struct TensorName {
  std::string name;
  Shape shape;
  std::vector<int64_t> places;
  size_t index = 0;
  bool is_statistics = false;
};

/// The places of n elements in the same order on both sides: 0, 1, ... n - 1, after the first `offset` elements.
std::vector<int64_t> places_in_order(int64_t n, int64_t offset = 0);

/// Filters [out, channels, kernel, kernel] within [out, kernel x kernel x channels].
std::vector<int64_t> places_of_filters(int64_t out, int64_t channels, int64_t kernel);

/// A linear layer behind a flatten of images, [out, channels x height x width] within [out, height x width x channels].
std::vector<int64_t> places_behind_flatten(int64_t out, const ImageSize& size);

}  // namespace murmur
