#pragma once

#include "murmur/engine/device.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

namespace cpu {
void advance(murmur::Stream& stream, const StepArgs& step);
}
namespace cuda {
void advance(murmur::Stream& stream, const StepArgs& step);
}

/// The end of a tick: each network counts its samples and updates.
inline void advance(Stream& stream, const StepArgs& step) {
  if (!stream.device().is_cuda()) {
    cpu::advance(stream, step);
  } else if constexpr (kCudaBuild) {
    cuda::advance(stream, step);
  }
}

}  // namespace murmur
