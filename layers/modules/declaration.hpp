#pragma once

#include <map>
#include <string>
#include <vector>

#include "murmur/layers/modules/tail.hpp"
#include "murmur/layers/named_tensor.hpp"

namespace murmur {

/// Follows the shape of a sample through the modules of a model, which declare here what they have.
class Declaration {
 public:
  /// Throws: InvalidArgument for samples that are too large.
  Declaration(Parameters& parameters, const ImageSize& size, int64_t num_classes);

  /// The word of the module that comes next, for messages.
  void begin(std::string word);

  int64_t num_classes() const { return num_classes_; }
  /// A sample as it is now: height x width x channels, or 1 x 1 x features behind a flatten.
  const ImageSize& size() const { return size_; }
  /// An image as it leaves the module. Throws: InvalidArgument for one that the kernels cannot walk over.
  void set_image(const ImageSize& size);
  /// Features as they leave the module.
  void set_features(int64_t n) { size_ = flattened_ = {1, 1, n}; }
  /// From here on a sample is a list of features.
  void flatten();
  /// The image that those features were; of features that a module has made, 1 x 1 x features.
  const ImageSize& flattened() const { return flattened_; }
  /// Throws: InvalidArgument, naming the module, what it expected, and the sample it got.
  [[noreturn]] void fail(const std::string& expected) const;
  /// Throws: InvalidArgument where the image is smaller.
  void expect_image(int64_t height, int64_t width) const;

  /// "conv1", "conv2", ...: the modules of a kind are numbered from 1.
  std::string numbered(const std::string& kind);
  /// "NAME.weight" [out, ...], in the Parameters [out, in]; `fan_out` as for Parameters::add_kernel.
  size_t add_kernel(const std::string& name, const Shape& shape, std::vector<int64_t> places, int64_t fan_out = 0);
  /// A vector that starts at one value, under its whole name.
  size_t add_vector(const std::string& name, int64_t size, double start = 0);
  /// NAME.weight, .bias, .running_mean and .running_var of a batch norm.
  NormParameters add_norm(const std::string& name, int64_t channels);
  /// The address of the random numbers of a layer with weights: counted from 1.
  uint32_t next_layer() { return ++num_weight_layers_; }
  /// Floating-point operations of one sample's forward in a convolution or a linear layer.
  void count_flops(int64_t flops);

  int64_t forward_flops() const { return forward_flops_; }
  int64_t first_layer_flops() const { return first_layer_flops_; }
  std::vector<TensorName> take_names() { return std::move(names_); }

 private:
  Parameters& parameters_;
  ImageSize size_;
  ImageSize flattened_{};
  int64_t num_classes_;
  int64_t index_ = 0;
  std::string word_;
  std::map<std::string, int> counts_;
  std::vector<TensorName> names_;
  uint32_t num_weight_layers_ = 0;
  int64_t forward_flops_ = 0;
  int64_t first_layer_flops_ = 0;
};

}  // namespace murmur
