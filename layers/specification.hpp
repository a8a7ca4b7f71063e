#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace murmur {

enum class LayerKind : uint8_t {
  kConvolution,
  kNorm,
  kPool,
  kAveragePool,
  kGlobalPool,
  kResidual,
  kFlatten,
  kLinear,
  kDropout
};

struct LayerSpecification {
  LayerKind kind;
  std::string word;     // as it was written, for messages
  int64_t size = 0;     // features of a linear layer (0: the number of classes), filters, width of a pooling window
  int64_t kernel = 3;   // of a convolution
  int64_t stride = 1;   // of a convolution
  int64_t padding = 1;  // of a convolution: kernel / 2 unless it is given
  bool norm = false;    // a batch norm between convolution and ReLU
};

/// A model as a list of layers. A bias and a ReLU follow every convolution and every linear layer but the last; softmax
/// belongs to the loss.
struct ModelSpecification {
  std::string text;
  std::vector<LayerSpecification> layers;
};

/// A model's name (`fc`, `vgg3`, `lenet5`, `resnet8`) or a specification, in the words that `model_help` lists.
/// Throws: InvalidArgument, naming the word or the order that does not fit.
ModelSpecification parse_model(std::string_view text);

/// `--help`'s lists of the models and of the words of a specification.
std::string model_help();

/// The names of the models that need no specification.
std::vector<std::string> model_names();

}  // namespace murmur
