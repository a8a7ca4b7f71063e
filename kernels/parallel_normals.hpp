#pragma once

#include <type_traits>

#include "murmur/engine/random/distributions.hpp"
#include "murmur/kernels/parallel.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur::MURMUR_TARGET {

/// Runs a kernel whose second parameter is how it draws normals: with the fast ones where the step asks for them, the
/// target has them and elements are float. Both are compiled, so that no lane has to ask.
template <template <class, class> class Kernel, class T, class... Fields>
void launch_with_normals(murmur::Stream& stream, const char* name, const StepArgs& step, int64_t num_tiles,
                         const Fields&... fields) {
  if constexpr (kHasFastNormals && std::is_same_v<T, float>) {
    if (step.fast_normals) {
      launch(stream, name, step.num_networks, num_tiles, Kernel<T, FastNormals>{fields...});
      return;
    }
  }
  launch(stream, name, step.num_networks, num_tiles, Kernel<T, ExactNormals>{fields...});
}

}  // namespace murmur::MURMUR_TARGET
