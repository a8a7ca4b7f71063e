#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace murmur {

/// A model as a list of words, one a module. A bias and a ReLU follow every convolution and every linear layer but the
/// last; softmax belongs to the loss.
struct ModelSpecification {
  std::string text;  // as it was written
  std::vector<std::string> words;
};

/// A model's name (`fc`, `vgg3`, `lenet5`, `resnet8`) or a specification, in the words that `model_help` lists.
/// Throws: InvalidArgument, naming the word or the order that does not fit.
ModelSpecification parse_model(std::string_view text);

/// `--help`'s lists of the models and of the words of a specification.
std::string model_help();

/// The names of the models that need no specification.
std::vector<std::string> model_names();

}  // namespace murmur
