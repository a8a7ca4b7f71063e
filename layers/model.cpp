#include "murmur/layers/model.hpp"

#include <map>
#include <utility>

#include "murmur/kernels/image_tiles.hpp"

namespace murmur {

/// Follows the shapes through the layers and declares their parameters.
class Model::Builder {
 public:
  Builder(Model& model, const ImageSize& size, int64_t num_classes)
      : model_(model), size_(size), num_classes_(num_classes) {
    if (size.elements() > kMaxElements) {
      throw InvalidArgument("model: expected images of at most {} elements, got {} x {} x {}", kMaxElements,
                            size.height, size.width, size.channels);
    }
  }

  void add(const LayerSpecification& layer) {
    ++index_;
    word_ = &layer.word;
    switch (layer.kind) {
      case LayerKind::kFlatten:
        image_ = size_;
        size_ = {1, 1, size_.elements()};
        break;
      case LayerKind::kLinear:
        add_linear(layer.size > 0 ? layer.size : num_classes_);
        break;
      case LayerKind::kConvolution:
        model_.layers_.push_back(
            {Kind::kConvolution, {add_convolution(layer, numbered("conv"), layer.norm ? numbered("norm") : "")}, {}});
        break;
      case LayerKind::kResidual:
        add_residual(layer);
        break;
      case LayerKind::kNorm: {
        WeightLayer& convolution = model_.layers_.back().weights.front();
        convolution.norm = add_norm(numbered("norm"), size_.channels);
        convolution.activation.norm = NormOrder::kAfterRelu;
        break;
      }
      case LayerKind::kPool:
        add_pool(Pooling::kMax, layer.size, layer.size);
        break;
      case LayerKind::kAveragePool:
        add_pool(Pooling::kAverage, layer.size, layer.size);
        break;
      case LayerKind::kGlobalPool:
        add_pool(Pooling::kAverage, size_.height, size_.width);
        break;
      case LayerKind::kDropout:
        model_.layers_.back().last().masks.dropout = true;
        break;
    }
  }

  /// The study masks the input of every convolution and linear layer but the last.
  void set_masks() {
    for (size_t i = 0; i + 1 < model_.layers_.size(); ++i) {
      const bool feeds_weights = model_.layers_[i + 1].kind != Kind::kPool;
      const bool feeds_last = i + 2 == model_.layers_.size();
      model_.layers_[i].last().masks.next_input = feeds_weights && !feeds_last;
      if (model_.layers_[i].kind == Kind::kResidual) model_.layers_[i].weights[0].activation.masks.next_input = true;
    }
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    throw InvalidArgument("model: layer {} '{}': expected {}, got {} x {} x {}", index_, *word_, expected, size_.height,
                          size_.width, size_.channels);
  }

  /// "conv1", "conv2", ...: the layers of a kind are numbered from 1.
  std::string numbered(const std::string& kind) { return kind + std::to_string(++counts_[kind]); }

  size_t add_kernel(const std::string& name, const Shape& shape, std::vector<int64_t> places, int64_t fan_out = 0) {
    const auto size = static_cast<int64_t>(places.size());
    const size_t index = model_.parameters_.add_kernel(shape[0], size / shape[0], fan_out);
    model_.names_.push_back({name + ".weight", shape, std::move(places), index});
    return index;
  }

  size_t add_vector(const std::string& name, int64_t size, double start = 0) {
    const size_t index = model_.parameters_.add_vector(size, start);
    model_.names_.push_back({name, {size}, places_in_order(size), index});
    return index;
  }

  uint32_t next_layer() { return static_cast<uint32_t>(++model_.num_weight_layers_); }

  void count_flops(int64_t flops) {
    if (model_.forward_flops_ == 0) model_.first_layer_flops_ = flops;
    model_.forward_flops_ += flops;
  }

  void add_linear(int64_t out) {
    const int64_t in = size_.elements();
    WeightLayer layer{};
    const std::string name = numbered("linear");
    layer.weight = add_kernel(name, {out, in}, places_behind_flatten(out, image_));
    layer.bias = add_vector(name + ".bias", out);
    layer.activation.masks.layer = next_layer();
    count_flops(2 * in * out);
    model_.layers_.push_back({Kind::kLinear, {layer}, {}});
    size_ = image_ = {1, 1, out};
  }

  WeightLayer add_convolution(const LayerSpecification& layer, const std::string& name, const std::string& norm_name) {
    const int64_t smallest = layer.kernel - 2 * layer.padding;
    if (size_.height < smallest || size_.width < smallest) {
      fail("an image of at least " + std::to_string(smallest) + " x " + std::to_string(smallest));
    }
    const ConvolutionShape shape{1,          size_.height, size_.width,  size_.channels,
                                 layer.size, layer.kernel, layer.stride, layer.padding};
    WeightLayer result{};
    result.weight = add_kernel(name, {layer.size, size_.channels, layer.kernel, layer.kernel},
                               places_of_filters(layer.size, size_.channels, layer.kernel),
                               layer.size * layer.kernel * layer.kernel);
    result.bias = add_vector(name + ".bias", layer.size);
    result.convolution = {layer.kernel, layer.stride, layer.padding};
    result.activation.masks.layer = next_layer();
    if (layer.norm) {
      result.norm = add_norm(norm_name, layer.size);
      result.activation.norm = NormOrder::kBeforeRelu;
    }
    count_flops(2 * shape.out_height() * shape.out_width() * layer.size * shape.filter_size());
    size_ = {shape.out_height(), shape.out_width(), layer.size};
    if (size_.elements() > kMaxElements) fail(std::to_string(kMaxElements) + " elements or fewer");
    if (quads_per_walk(size_.channels) == 0) {
      fail("at most " + std::to_string(kImageLanes) + " filters, or " + std::to_string(4 * kImageLanes) +
           " if a multiple of 4");
    }
    return result;
  }

  Norm add_norm(const std::string& name, int64_t channels) {
    const size_t gamma = add_vector(name + ".weight", channels, 1);
    const size_t beta = add_vector(name + ".bias", channels);
    const size_t statistics = model_.parameters_.add_statistics(channels);
    model_.names_.push_back({name + ".running_mean", {channels}, places_in_order(channels), statistics, true});
    model_.names_.push_back(
        {name + ".running_var", {channels}, places_in_order(channels, padded(channels)), statistics, true});
    return {gamma, beta, statistics};
  }

  void add_residual(const LayerSpecification& layer) {
    const ImageSize input = size_;
    LayerSpecification part = layer;
    part.kernel = 3;
    part.padding = 1;
    const std::string name = numbered("residual");
    Layer block{Kind::kResidual, {add_convolution(part, name + ".conv1", name + ".norm1")}, {}};
    part.stride = 1;
    block.weights.push_back(add_convolution(part, name + ".conv2", name + ".norm2"));
    const ImageSize output = size_;
    if (output.height != input.height || output.width != input.width || output.channels != input.channels) {
      size_ = input;
      part.kernel = 1;
      part.padding = 0;
      part.stride = layer.stride;
      WeightLayer projection = add_convolution(part, name + ".projection", name + ".projection_norm");
      projection.activation.relu = false;
      block.weights.push_back(projection);
    }
    model_.layers_.push_back(std::move(block));
  }

  void add_pool(Pooling pooling, int64_t height, int64_t width) {
    if (size_.height < height || size_.width < width) {
      fail("an image of at least " + std::to_string(height) + " x " + std::to_string(width));
    }
    // Fused with the convolution before it, unless something of that must come in between.
    const bool fuses = !model_.layers_.empty() && model_.layers_.back().kind == Kind::kConvolution &&
                       model_.layers_.back().last().norm != NormOrder::kBeforeRelu &&
                       model_.layers_.back().last().window.pooling == Pooling::kNone &&
                       !model_.layers_.back().last().masks.dropout;
    if (!fuses) {
      model_.layers_.push_back({Kind::kPool, {}, {}});
      model_.layers_.back().pooling.masks.layer = pool_layer();
    }
    model_.layers_.back().last().window = {pooling, height, width};
    size_ = {size_.height / height, size_.width / width, size_.channels};
  }

  /// Poolings on their own have addresses from the far end: the layers with weights count from the front.
  uint32_t pool_layer() { return 0xffffffu - num_pools_++; }

  Model& model_;
  ImageSize size_;
  ImageSize image_{};  // what flatten has seen: the order of a linear layer's columns
  std::map<std::string, int> counts_;
  int64_t num_classes_;
  int64_t index_ = 0;
  uint32_t num_pools_ = 0;
  const std::string* word_ = nullptr;
};

Model::Model(const ModelSpecification& specification, const ImageSize& size, int64_t num_classes, Device device,
             DType dtype, int64_t num_networks) {
  Builder builder(*this, size, num_classes);
  for (const LayerSpecification& layer : specification.layers) builder.add(layer);
  builder.set_masks();
  parameters_.spare_last_kernel();
  parameters_.allocate(device, dtype, num_networks);
}

Activations Model::convolve(const Step& step, const Activations& input, const WeightLayer& layer,
                            const Activations* residual) const {
  const Activations x = convolution(step, input, parameters_.of(step, layer.weight), layer.convolution);
  ImageActivationOptions options = layer.activation;
  options.masks.next_input &= masks_inputs(step);
  if (!layer.norm) return image_activation(step, x, parameters_.of(step, layer.bias), nullptr, residual, options);
  const BatchNorm norm{parameters_.of(step, layer.norm->gamma), parameters_.of(step, layer.norm->beta),
                       parameters_.statistics(layer.norm->statistics)};
  return image_activation(step, x, parameters_.of(step, layer.bias), &norm, residual, options);
}

Activations Model::run(const Step& step, const Activations& input, const Layer& layer) const {
  switch (layer.kind) {
    case Kind::kConvolution:
      return convolve(step, input, layer.weights[0], nullptr);
    case Kind::kResidual: {
      const Activations inner = convolve(step, input, layer.weights[0], nullptr);
      if (layer.weights.size() == 2) return convolve(step, inner, layer.weights[1], &input);
      const Activations projected = convolve(step, input, layer.weights[2], nullptr);
      return convolve(step, inner, layer.weights[1], &projected);
    }
    case Kind::kPool: {
      ImageActivationOptions options = layer.pooling;
      options.masks.next_input &= masks_inputs(step);
      return pool(step, input, options);
    }
    case Kind::kLinear: {
      const WeightLayer& weights = layer.weights[0];
      const Activations x = linear(step, input, parameters_.of(step, weights.weight));
      LayerMasks masks = weights.activation.masks;
      masks.next_input &= masks_inputs(step);
      return activation(step, x, parameters_.of(step, weights.bias), masks);
    }
  }
  return {};
}

std::vector<NamedTensor> Model::named_tensors() const {
  std::vector<NamedTensor> result;
  for (const TensorName& entry : names_) {
    const Tensor& values = entry.is_statistics ? parameters_.statistics(entry.index) : parameters_[entry.index].value();
    result.push_back({entry.name, entry.shape, values, entry.places, entry.is_statistics});
  }
  return result;
}

Activations Model::logits(const Step& step, const Batch& batch) const {
  Activations x = batch.input;
  for (size_t i = 0; i + 1 < layers_.size(); ++i) x = run(step, x, layers_[i]);
  const WeightLayer& last = layers_.back().weights[0];
  x = linear(step, x, parameters_.of(step, last.weight));
  x.bias = parameters_.of(step, last.bias);
  return x;
}

Variable Model::loss(const Step& step, const Batch& batch) const {
  const Activations x = logits(step, batch);
  return cross_entropy(step, x, x.bias, batch.targets);
}

}  // namespace murmur
