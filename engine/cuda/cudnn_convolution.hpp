#pragma once

#include <string>

#include "murmur/engine/convolution.hpp"

namespace murmur::cuda {

/// "cuDNN 9.19.0": the one that is loaded.
std::string convolution_library();
/// "ready", or what cudnnCreate() says.
std::string convolution_library_status(int device);
ConvolutionPlan plan_convolution(murmur::Stream& stream, ConvolutionPass pass, const Convolution& args,
                                 const PlanWish& wish);
void convolution(murmur::Stream& stream, ConvolutionPass pass, const Convolution& args);

}  // namespace murmur::cuda
