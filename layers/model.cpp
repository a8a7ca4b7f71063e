#include "layers/model.hpp"

namespace murmur {

Model::Model(const ModelSpecification& specification, int64_t sample_size, int64_t num_classes, Device device,
             DType dtype, int64_t num_networks) {
  int64_t features = sample_size;
  for (const LayerSpecification& layer : specification.layers) {
    if (layer.kind == LayerKind::kLinear) {
      const int64_t out = layer.size > 0 ? layer.size : num_classes;
      const size_t weight = parameters_.add_kernel(out, features);
      layers_.push_back({weight, parameters_.add_bias(out), false});
      features = out;
    } else if (layer.kind == LayerKind::kDropout) {
      layers_.back().dropout = true;
    }
  }
  parameters_.allocate(device, dtype, num_networks);
}

Variable Model::loss(const Step& step, const Batch& batch) const {
  Activations x = batch.input;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    x = linear(step, x, parameters_[layer.weight]);
    if (i + 1 == layers_.size()) return cross_entropy(step, x, parameters_[layer.bias], batch.targets);
    ActivationOptions options;
    options.layer = static_cast<uint32_t>(i + 1);
    options.dropout = layer.dropout;
    options.mask_next_input = i + 2 < layers_.size();
    x = activation(step, x, parameters_[layer.bias], options);
  }
  return {};
}

}  // namespace murmur
