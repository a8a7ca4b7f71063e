#pragma once

#include <cstdint>
#include <vector>

#include "murmur/data/dataset.hpp"

namespace murmur {

/// What the images of a data set are like.
struct DatasetStatistics {
  std::vector<int64_t> train;       ///< [num_classes] images to train on, as training_split has them
  std::vector<int64_t> validation;  ///< [num_classes]
  std::vector<int64_t> test;        ///< [num_classes]
  std::vector<double> mean;         ///< [channels] of the training file's pixels, black 0 and white 1
  std::vector<double> deviation;  ///< [channels] the standard deviation of the same, of all pixels and not of a sample
};

/// Counts in integers, so that the result is the same everywhere.
/// Throws: as training_split.
DatasetStatistics statistics(const Dataset& dataset);

}  // namespace murmur
