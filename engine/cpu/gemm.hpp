#pragma once

#include "murmur/engine/cpu/stream.hpp"
#include "murmur/engine/gemm.hpp"

namespace murmur::cpu {

void gemm(Stream& stream, const Gemm<float>& args);
void gemm(Stream& stream, const Gemm<double>& args);

}  // namespace murmur::cpu
