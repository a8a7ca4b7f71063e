#pragma once

#include <cstdint>

#include "murmur/engine/image_size.hpp"
#include "murmur/engine/tensor.hpp"

namespace murmur {

/// The samples [first, first + count).
struct SampleRange {
  int64_t first = 0;
  int64_t count = 0;

  bool operator==(const SampleRange&) const = default;
};

/// A data set on a device and the parts of its training file. Shapes: images u8 [N, D], labels u8 [N].
struct TrainingData {
  Tensor train_images, train_labels, test_images, test_labels;
  SampleRange training;
  SampleRange validation;  // count 0: none (train on all)
  ImageSize size;          // height x width x channels = D
  int64_t num_classes = 0;
};

}  // namespace murmur
