#pragma once

#include <string>

#include "murmur/layers/convolution_operation.hpp"
#include "murmur/layers/modules/declaration.hpp"
#include "murmur/layers/modules/word_reader.hpp"

namespace murmur {

/// A convolution with its tail: `conv` is one, a residual block is two or three.
struct ConvolutionPart {
  int64_t filters = 0;
  ConvolutionOptions options{};
  bool norm = false;  // between convolution and ReLU
  size_t weight = 0, bias = 0;
  Tail tail{};

  /// Throws: InvalidArgument where the filters do not fit into the image.
  void declare(Declaration& declaration, const std::string& name, const std::string& norm_name);
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input,
                      const Activations* residual = nullptr) const;
};

/// "[kK][sS][pP]" of a word. Throws: InvalidArgument.
void read_kernel(WordReader& word, ConvolutionOptions& options);

}  // namespace murmur
