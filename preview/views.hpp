#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "murmur/preview/subject.hpp"

namespace murmur {

/// A training sample as it goes into a network.
struct View {
  std::vector<float> pixels;  // [height, width, channels], in [0, 1] but for the noise
  int64_t label = 0;
  int64_t second_label = 0;  // of the sample that it is mixed with
  double share = 1;          // of its own label; 1: it is mixed with none
};

/// True of a technique that shows in the samples themselves: of the input, or of their labels.
bool shows_in_samples(const TechniqueInfo& info);

/// The samples that a network sees, read from the kernel that makes them for a training (kernels/input).
class Viewer {
 public:
  /// `options`: as for Subject. Schedules refer to `num_epochs`. Throws: likewise.
  Viewer(const TrainingData& data, const TrainerOptions& options, uint64_t seed, int64_t num_epochs);

  int64_t num_epochs() const { return num_epochs_; }
  int64_t num_samples() const { return subject_.epoch_size(); }
  const ImageSize& size() const { return subject_.source().size; }

  /// What the network with this seed sees in an epoch, counted from 0, where that epoch's sample number `position` is.
  /// The same bits as in a training; without `shuffle` the samples are those of the training file in their order.
  /// Throws: InvalidArgument where there is no such sample.
  View view(const Setting& setting, int64_t position, int64_t epoch);

 private:
  /// What holds in an update, the first sample of which is this item.
  Setting scheduled(const Setting& setting, int64_t item, int64_t update) const;

  Subject subject_;
  int64_t micro_batch_;  // of the training
  uint64_t seed_;
  int64_t num_epochs_;
};

/// A column of a sheet: what one setting makes of each of its samples.
struct Column {
  std::string name, value;  // above it
  Setting setting;
  int64_t epoch = 0;
  std::vector<View> views;  // [sample]
};

/// The original; where several techniques that show in samples are set, each of them alone; and so many draws with all
/// of them, spread evenly over the epochs of a training. Other techniques are left out. Without views yet.
std::vector<Column> columns_of(const Setting& setting, int64_t num_draws, int64_t num_epochs);

/// Fills in the views of so many samples, which stand evenly in the training set.
/// Throws: InvalidArgument for more samples than there are.
void look(Viewer& viewer, std::vector<Column>& columns, int64_t num_samples);

/// As pixels of a picture: what is below 0 is black, above 1 white.
std::vector<uint8_t> to_bytes(const std::vector<float>& pixels);

}  // namespace murmur
