#pragma once

#include <cstdint>
#include <string>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/cpu/stream.hpp"

namespace murmur::cpu {

std::string convolution_library();
ImageLayout library_layout(const ConvolutionShape& shape);
int64_t take_convolution_buffer_bytes();
void convolution_forward(Stream& stream, const Convolution& args);
void convolution_backward_input(Stream& stream, const Convolution& args);
void convolution_backward_weight(Stream& stream, const Convolution& args);

}  // namespace murmur::cpu
