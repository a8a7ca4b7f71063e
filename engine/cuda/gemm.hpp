#pragma once

#include "murmur/engine/gemm.hpp"

namespace murmur::cuda {

void gemm(murmur::Stream& stream, const Gemm<float>& args);
void gemm(murmur::Stream& stream, const Gemm<double>& args);

}  // namespace murmur::cuda
