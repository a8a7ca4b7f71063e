#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Kernel 2, the activation, in place: bias · activation noise · ReLU · dropout · next layer's input mask.
/// Shapes: x [P, padded F, m], bias [P, padded F] or null.
template <class T>
struct ActivationArgs {
  StepArgs step;
  int64_t num_features = 0;
  bool relu = true;  // with its noise
  LayerMasks masks;
  PerNetwork<T> x;
  PerNetwork<const T> bias;
};

/// Its backward, in place: grad [P, padded F, m] turns from the gradient of the output into that of the GEMM's result;
/// grad_bias adds up. The masks are drawn again; `x` is the forward's output, whose sign is the ReLU's gate. grad and
/// grad_bias have the strides of x and bias.
template <class T>
struct ActivationBackwardArgs {
  ActivationArgs<T> forward;
  T* grad = nullptr;
  T* grad_bias = nullptr;
};

MURMUR_DECLARE_KERNEL(activation_forward, ActivationArgs)
MURMUR_DECLARE_KERNEL(activation_backward, ActivationBackwardArgs)

}  // namespace murmur
