#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "murmur/layers/population_trainer.hpp"

namespace murmur {

/// What networks say of N samples.
struct Predictions {
  int64_t num_classes = 0;
  std::vector<double> probabilities;  // [N, num_classes]: softmax, the mean over the networks
  std::vector<int64_t> labels;        // [N]: the most likely class; -1 where the probabilities are no numbers
  int64_t num_networks = 1;           // whose mean they are
};

/// Trained networks of one architecture, without noise and with a batch norm's running statistics.
class Predictor {
 public:
  /// Uses device, num_networks, micro_batch, dtype, allow_tf32 and num_threads of the options.
  /// Throws: InvalidArgument, DeviceUnavailable, CudaError, std::bad_alloc.
  Predictor(const ModelSpecification& model, const ImageSize& size, int64_t num_classes, const TrainerOptions& options);

  const Model& model() const { return model_; }
  /// Stacked weights, or plain ones for all networks, and the slopes that their metadata name ("rrelu"; none: 0).
  /// Throws: DataError, naming what does not fit.
  void load_weights(const SafeTensors& weights);

  /// Outputs of the last layer for the samples [first, first + count), on the host: [P, count, num_classes].
  /// Shapes: images u8 [N, D], on the device. Throws: ShapeError.
  Tensor logits(const Tensor& images, int64_t first, int64_t count);
  /// With one network the labels are those that an evaluation of the trainer counts, sample by sample.
  Predictions predict(const Tensor& images, int64_t first, int64_t count);

 private:
  template <class T>
  void run(const Tensor& images, int64_t first, const Tensor& result);

  TrainerOptions options_;
  ImageSize size_;
  int64_t num_classes_;
  std::unique_ptr<Stream> stream_;
  ConvolutionChoices choices_;
  Model model_;
  Tensor state_;  // NetworkState [P], as bytes
  Tensor rrelu_;  // [P]
  Arena arena_;
};

}  // namespace murmur
