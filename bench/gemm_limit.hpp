#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "murmur/engine/gemm.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/layers/parameters.hpp"
#include "murmur/layers/population_trainer.hpp"
#include "murmur/layers/specification.hpp"

namespace murmur::bench {

/// Features of the input and of every linear layer: [784, 50, 50, 10]. Empty when the model has layers of other kinds.
std::vector<int64_t> linear_features(const ModelSpecification& model, int64_t sample_size, int64_t num_classes);

/// The matrix products of one training tick of a chain of linear layers, and nothing else: forward, weight gradients
/// and input gradients, with the shapes, layouts and arenas of layers/operations.cpp, captured and replayed as the
/// trainer does. What a tick cannot beat as long as it leaves its products to the library.
class GemmLimit {
 public:
  GemmLimit(const std::vector<int64_t>& features, const TrainerOptions& options);
  ~GemmLimit();
  GemmLimit(const GemmLimit&) = delete;
  GemmLimit& operator=(const GemmLimit&) = delete;

  /// Seconds of this many ticks of all networks.
  double run(int64_t num_ticks);
  /// Floating-point operations of one tick of all networks, a multiply and an add as two.
  double flops() const { return flops_; }

 private:
  void add_forward(const std::vector<int64_t>& features, const std::vector<size_t>& kernels);
  void add_backward(const std::vector<int64_t>& features, const std::vector<size_t>& kernels);
  void add(Gemm<float> args);

  TrainerOptions options_;
  std::unique_ptr<Stream> stream_;
  Parameters parameters_;
  std::vector<Tensor> activations_, grads_;  // of layer i: its input, the gradient of its output
  std::unique_ptr<Graph> graph_;
  double flops_ = 0;
};

/// FLOP/s of large square products on all of the device (CPU: one product a thread at the same time).
double large_gemm_flops_per_second(const TrainerOptions& options);

}  // namespace murmur::bench
