#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/named_tensor.hpp"
#include "murmur/layers/operations.hpp"
#include "murmur/layers/parameters.hpp"
#include "murmur/layers/specification.hpp"

namespace murmur {

/// Called with what a layer makes of a micro-batch, right after it: a later one may work in its place. `words` are
/// those of the specification that it stands for: "conv32 norm pool dropout".
using OnLayer = std::function<void(std::string_view words, const Activations& output)>;

/// A population of networks of one architecture: a list of modules.
class Model {
 public:
  /// Shapes: samples of size.height x size.width x size.channels elements, num_classes outputs.
  /// Throws: InvalidArgument (a layer does not fit its input: says which, expected and got), DeviceUnavailable,
  ///         CudaError, std::bad_alloc.
  Model(const ModelSpecification& specification, const ImageSize& size, int64_t num_classes, Device device, DType dtype,
        int64_t num_networks);

  const Parameters& parameters() const { return parameters_; }
  Parameters& parameters() { return parameters_; }
  /// True where the study's dropconnect masks the model's input: where it is that of a layer with weights, not the
  /// last.
  bool masks_input(const Step& step) const { return masks_inputs(step) && layers_.front().module->has_masked_input(); }
  /// Floating-point operations of one sample's forward and backward in convolutions and linear layers: three products
  /// a layer, two in the first.
  int64_t training_flops() const { return training_flops_; }
  /// Modules that run: those that have not become a part of the one before.
  int64_t num_layers() const { return static_cast<int64_t>(layers_.size()); }

  /// Every parameter and every running statistic under the name and in the shape that a PyTorch user expects, in the
  /// order of the layers. Layers of a kind are numbered from 1: conv1, norm1, linear1; a residual block's are
  /// residual1.conv1, .norm1, .conv2, .norm2, and .projection, .projection_norm where its shape changes.
  std::vector<NamedTensor> named_tensors() const;

  /// What a softmax turns into predictions, for one micro-batch: feature-major [P, padded classes, m].
  Activations logits(const Step& step, const Batch& batch) const;
  /// Loss of one micro-batch of every network; adds to the networks' states.
  Variable loss(const Step& step, const Batch& batch) const { return loss(step, parameters_, batch); }
  /// The same of some networks only, whose parameters these are.
  Variable loss(const Step& step, const Parameters& parameters, const Batch& batch, const OnLayer& on_layer = {}) const;

 private:
  /// The logits without the last layer's bias, which the loss adds in its own pass.
  Activations forward(const Step& step, const Parameters& parameters, const Batch& batch,
                      const OnLayer& on_layer) const;
  struct Layer {
    std::unique_ptr<Module> module;
    Tail masks;  // by a kernel of their own, where the module's kernels take nothing over
    std::string words;

    Tail& tail() { return module->tail() != nullptr ? *module->tail() : masks; }
  };

  void add_modules(const ModelSpecification& specification, Declaration& declaration);
  void place_masks();

  std::vector<Layer> layers_;
  std::vector<TensorName> names_;
  int64_t training_flops_ = 0;
  Parameters parameters_;
};

}  // namespace murmur
