#pragma once

#include <cstdint>
#include <vector>

#include "layers/operations.hpp"
#include "layers/parameters.hpp"
#include "layers/specification.hpp"

namespace murmur {

/// A population of networks of one architecture.
class Model {
 public:
  /// Shapes: samples of sample_size elements, num_classes outputs.
  /// Throws: InvalidArgument, DeviceUnavailable, CudaError, std::bad_alloc.
  Model(const ModelSpecification& specification, int64_t sample_size, int64_t num_classes, Device device, DType dtype,
        int64_t num_networks);

  const Parameters& parameters() const { return parameters_; }
  /// True where the first layer's input is masked by the study's dropconnect: it is not the last layer.
  bool masks_input() const { return layers_.size() > 1; }

  /// Loss of one micro-batch of every network; adds to the networks' states.
  Variable loss(const Step& step, const Batch& batch) const;

 private:
  struct Layer {
    size_t weight;
    size_t bias;
    bool dropout;
  };
  std::vector<Layer> layers_;
  Parameters parameters_;
};

}  // namespace murmur
