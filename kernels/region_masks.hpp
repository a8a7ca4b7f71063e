#pragma once

#include <cstdint>

#include "murmur/kernels/declare_kernel.hpp"
#include "murmur/kernels/image_tiles.hpp"
#include "murmur/kernels/per_network.hpp"
#include "murmur/kernels/step_args.hpp"

namespace murmur {

/// Spatial dropout, DropBlock and Gaussian dropout of images, in place; each is its own gradient rule, so that backward
/// is the same kernel on the gradient. A kernel by itself, which runs where a trial has one of them on: the registers
/// that they take would slow down what always runs.
/// Shapes: x [P, m, padded D]; output the same, in backward, or null: what forward made. A layer's random slopes depend
/// on the sign that its activations had before Gaussian factors, which may be negative: there the output gets them
/// again.
template <class T>
struct RegionMasksArgs {
  StepArgs step;
  ImageTiles images;
  LayerMasks masks;
  PerNetwork<T> x;
  PerNetwork<T> output{};
};

MURMUR_DECLARE_KERNEL(region_masks, RegionMasksArgs)

}  // namespace murmur
