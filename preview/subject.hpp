#pragma once

#include <memory>

#include "murmur/engine/training_data.hpp"
#include "murmur/layers/convolution_choice.hpp"
#include "murmur/layers/operations.hpp"
#include "murmur/layers/population_trainer.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// One network that is looked at, not trained: its state and the values in force, where the kernels read them.
class Subject {
 public:
  /// Uses device, micro_batch, definitions, allow_tf32 and deterministic of the options: one network keeps one core
  /// busy. Throws: InvalidArgument, DeviceUnavailable, CudaError, std::bad_alloc.
  Subject(const TrainingData& data, const TrainerOptions& options);

  /// The training images.
  const SampleSource& source() const { return source_; }
  int64_t micro_batch() const { return options_.micro_batch; }
  int64_t epoch_size() const { return epoch_size_; }

  /// As they are without their schedules, which only a training has.
  void set(const Setting& setting);
  void set(const NetworkState& state);
  /// Waits for the kernels.
  NetworkState state();
  void synchronize() { stream_->synchronize(); }

  /// A step of this network; the tensors of the one before are given up. One subject's steps ask for the same tensors
  /// in the same order.
  Step step();

 private:
  TrainerOptions options_;
  SampleSource source_;
  int64_t epoch_size_;
  std::unique_ptr<Stream> stream_;
  ConvolutionChoices choices_;
  Tensor state_;       // NetworkState [1], as bytes
  Tensor techniques_;  // f32 [technique, 1]
  Arena arena_;
};

/// Throws: InvalidArgument for what is no positive multiple of 4.
void check_micro_batch(int64_t micro_batch);

/// Everything off but one technique, which is as in `setting`, its schedule included.
Setting alone(const Setting& setting, Technique id);

}  // namespace murmur
