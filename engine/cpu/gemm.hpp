#pragma once

#include "engine/cpu/stream.hpp"
#include "engine/gemm.hpp"

namespace murmur::cpu {

void gemm(Stream& stream, const Gemm<float>& args);
void gemm(Stream& stream, const Gemm<double>& args);

}  // namespace murmur::cpu
