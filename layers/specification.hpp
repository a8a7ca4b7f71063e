#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace murmur {

enum class LayerKind : uint8_t { kFlatten, kLinear, kDropout };

struct LayerSpecification {
  LayerKind kind;
  int64_t size = 0;  // output features of a linear layer; 0: the number of classes
};

/// A model as a list of layers. A bias and a ReLU follow every linear layer but the last; softmax belongs to the loss.
struct ModelSpecification {
  std::string text;
  std::vector<LayerSpecification> layers;
};

/// A model's name (`fc`) or a specification: words from `flatten`, `linear128`, `dropout`, `linear` (the last layer).
/// Throws: InvalidArgument, naming the word or the order that does not fit.
ModelSpecification parse_model(std::string_view text);

/// The names of the models that need no specification.
std::vector<std::string> model_names();

}  // namespace murmur
