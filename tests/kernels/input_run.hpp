#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "murmur/kernels/input.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/population.hpp"

namespace murmur::test {

/// A data set and the split of it that an epoch goes through.
struct InputData {
  ImageSize size;
  int64_t first = 0;  // the split's first sample
  int64_t epoch_size = 0;
  int64_t num_classes = 10;
  std::vector<uint8_t> images, labels;

  /// So many random images, of which the split takes `epoch_size`.
  static InputData random(const ImageSize& size, int64_t num_images, int64_t first, int64_t epoch_size,
                          int64_t num_classes = 10) {
    const auto count = static_cast<size_t>(num_images);
    return {size,
            first,
            epoch_size,
            num_classes,
            random_bytes(count * static_cast<size_t>(size.elements()), 1),
            random_bytes(count, 2, static_cast<int>(num_classes))};
  }
  const uint8_t* image(int64_t sample) const { return images.data() + sample * size.elements(); }
};

/// What the input kernel leaves of one micro-batch.
template <class T>
struct InputResult {
  static constexpr T kUntouched = 55;
  static constexpr int32_t kNoLabel = -7;
  static constexpr float kNoShare = -3;

  int64_t rows, elements;
  std::vector<T> output;  // [P, m, padded D]
  std::vector<int32_t> targets, second_targets;
  std::vector<float> shares;

  int64_t padded() const { return (elements + 3) / 4 * 4; }
  /// The elements of a row, without padding.
  std::vector<double> row(int64_t p, int64_t row) const {
    const auto start = output.begin() + (p * rows + row) * padded();
    return {start, start + elements};
  }
  size_t place(int64_t p, int64_t row) const { return static_cast<size_t>(p * rows + row); }
};

/// One run of the kernel, with guards around every buffer.
template <class T>
InputResult<T> run_input(Stream& stream, Population& population, const InputData& data, int64_t rows,
                         ContrastPer contrast_per = ContrastPer::kImage) {
  using Result = InputResult<T>;
  Result result{rows, data.size.elements(), {}, {}, {}, {}};
  const auto places = static_cast<size_t>(population.num_networks() * rows);
  const Device device = stream.device();
  const GuardedArray<uint8_t> images(data.images, device), labels(data.labels, device);
  const GuardedArray<T> output(places * static_cast<size_t>(result.padded()), Result::kUntouched, device);
  const GuardedArray<int32_t> targets(places, Result::kNoLabel, device), second(places, Result::kNoLabel, device);
  const GuardedArray<float> shares(places, Result::kNoShare, device);
  InputArgs<T> args;
  args.step = population.upload(rows, data.epoch_size);
  args.step.definitions.contrast_per = contrast_per;
  args.images = images.data();
  args.labels = labels.data();
  args.first = data.first;
  args.size = data.size;
  args.output = {output.data(), rows * result.padded()};
  args.targets = targets.data();
  args.second_targets = second.data();
  args.target_shares = shares.data();
  args.num_classes = data.num_classes;
  args.has_regions = true;
  input_regions(stream, args);
  input_forward(stream, args);
  stream.synchronize();
  EXPECT_TRUE(output.guards_intact() && targets.guards_intact() && second.guards_intact() && shares.guards_intact());
  result.output = output.values();
  result.targets = targets.values();
  result.second_targets = second.values();
  result.shares = shares.values();
  return result;
}

}  // namespace murmur::test
