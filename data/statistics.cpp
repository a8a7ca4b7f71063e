#include "murmur/data/statistics.hpp"

#include <array>
#include <cmath>

namespace murmur {
namespace {

std::vector<int64_t> count_classes(const Samples& samples, SampleRange range, int64_t num_classes) {
  std::vector<int64_t> counts(static_cast<size_t>(num_classes));
  for (int64_t i = range.first; i < range.first + range.count; ++i) ++counts.at(samples.labels[static_cast<size_t>(i)]);
  return counts;
}

/// counts[v]: how many pixels of the channel have the value v.
std::array<int64_t, 256> count_values(const Samples& samples, size_t channel) {
  std::array<int64_t, 256> counts{};
  const auto step = static_cast<size_t>(samples.channels);
  for (size_t at = channel; at < samples.images.size(); at += step) ++counts[samples.images[at]];
  return counts;
}

/// Mean and standard deviation of values from 0 to 255, in units of 255.
std::pair<double, double> moments(const std::array<int64_t, 256>& counts) {
  int64_t number = 0;
  int64_t sum = 0;
  int64_t squares = 0;
  for (int64_t value = 0; const int64_t count : counts) {
    number += count;
    sum += count * value;
    squares += count * value * value;
    ++value;
  }
  const double mean = static_cast<double>(sum) / static_cast<double>(number);
  const double variance = static_cast<double>(squares) / static_cast<double>(number) - mean * mean;
  return {mean / 255, std::sqrt(std::max(0.0, variance)) / 255};
}

}  // namespace

DatasetStatistics statistics(const Dataset& dataset) {
  const Samples& train = dataset.train;
  const SampleRange training = training_split(train.num_samples, false, dataset.num_validation);
  const SampleRange validation = validation_split(train.num_samples, false, dataset.num_validation);
  DatasetStatistics result{count_classes(train, training, dataset.num_classes),
                           count_classes(train, validation, dataset.num_classes),
                           count_classes(dataset.test, {0, dataset.test.num_samples}, dataset.num_classes),
                           {},
                           {}};
  for (size_t channel = 0; channel < static_cast<size_t>(train.channels); ++channel) {
    const auto [mean, deviation] = moments(count_values(train, channel));
    result.mean.push_back(mean);
    result.deviation.push_back(deviation);
  }
  return result;
}

}  // namespace murmur
