#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/per_network.hpp"

namespace murmur {

/// Layer norm, out of place: the F elements of each sample become gamma (x - mean) / sqrt(variance + 1e-5) + beta. Of
/// features (feature-major [P, padded F, m]) each has its own gamma and beta, of images (sample-major [P, m, padded F],
/// channels last) each channel.
/// Shapes: x, output as said; gamma, beta [P, padded C], C = F for features; saved (mean, 1 / deviation) [P, 2, m].
/// Source: Ba, Kiros & Hinton 2016; of images as torch.nn.GroupNorm(1, C).
template <class T>
struct LayernormArgs {
  int64_t num_networks = 0;
  int64_t num_rows = 0;  // m
  int64_t num_features = 0;
  int64_t num_channels = 0;
  bool images = false;
  PerNetwork<const T> x;
  PerNetwork<const T> gamma;
  PerNetwork<const T> beta;
  PerNetwork<T> output;
  PerNetwork<T> saved;
};

/// Its backward; gradients of gamma and beta add up, that of x where `accumulate` says so.
template <class T>
struct LayernormBackwardArgs {
  LayernormArgs<T> forward;
  PerNetwork<const T> grad_output;
  PerNetwork<T> grad_input;
  bool accumulate = false;
  PerNetwork<T> grad_gamma;
  PerNetwork<T> grad_beta;
};

MURMUR_DECLARE_KERNEL(layernorm_forward, LayernormArgs)
MURMUR_DECLARE_KERNEL(layernorm_backward, LayernormBackwardArgs)

}  // namespace murmur
