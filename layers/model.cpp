#include "murmur/layers/model.hpp"

#include <utility>

#include "murmur/layers/modules/table.hpp"

namespace murmur {
namespace {

/// Layers with weights have addresses of random numbers from 1 on; the others count from the far end.
constexpr uint32_t kLastLayer = 0xffffff;

}  // namespace

Model::Model(const ModelSpecification& specification, const ImageSize& size, int64_t num_classes, Device device,
             DType dtype, int64_t num_networks) {
  Declaration declaration(parameters_, size, num_classes);
  add_modules(specification, declaration);
  place_masks();
  training_flops_ = 3 * declaration.forward_flops() - declaration.first_layer_flops();
  names_ = declaration.take_names();
  parameters_.spare_last_kernel();
  parameters_.allocate(device, dtype, num_networks);
}

/// A module whose work the kernels of the one before it take over does not run by itself.
void Model::add_modules(const ModelSpecification& specification, Declaration& declaration) {
  layers_.reserve(specification.words.size());  // nothing moves where `tail` points
  Tail* tail = nullptr;
  uint32_t num_without_weights = 0;
  for (const std::string& word : specification.words) {
    std::unique_ptr<Module> module = make_module(word);
    declaration.begin(word);
    module->declare(declaration);
    if (tail != nullptr && module->join(*tail)) {
      layers_.back().words += " " + word;
      continue;
    }
    tail = nullptr;
    if (!module->runs()) continue;
    layers_.push_back({std::move(module), {}, word});
    if (!layers_.back().module->has_successor()) continue;
    tail = &layers_.back().tail();
    uint32_t& number = tail->options.masks.layer;
    if (number == 0) number = kLastLayer - num_without_weights++;
  }
}

/// The study's dropconnect masks the input of every layer with weights but the last, in the kernels of the one before.
void Model::place_masks() {
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    if (layers_[i + 1].module->has_masked_input()) layers_[i].tail().options.masks.next_input = true;
  }
}

std::vector<NamedTensor> Model::named_tensors() const {
  std::vector<NamedTensor> result;
  for (const TensorName& entry : names_) {
    const Tensor& values = entry.is_statistics ? parameters_.statistics(entry.index) : parameters_[entry.index].value();
    result.push_back({entry.name, entry.shape, values, entry.places, entry.is_statistics});
  }
  return result;
}

Activations Model::forward(const Step& step, const Parameters& parameters, const Batch& batch,
                           const OnLayer& on_layer) const {
  Activations x = batch.input;
  for (const Layer& layer : layers_) {
    x = finish_masks(step, layer.module->forward(step, parameters, x), layer.masks);
    if (on_layer) on_layer(layer.words, x);
  }
  return x;
}

Activations Model::logits(const Step& step, const Batch& batch) const {
  const Activations x = forward(step, parameters_, batch, {});
  return add_bias(step, x, x.bias);
}

Variable Model::loss(const Step& step, const Parameters& parameters, const Batch& batch,
                     const OnLayer& on_layer) const {
  const Activations x = forward(step, parameters, batch, on_layer);
  return cross_entropy(step, x, x.bias, batch.targets);
}

}  // namespace murmur
