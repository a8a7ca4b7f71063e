#pragma once

#include "bench/kernel_bed.hpp"

// The kernels as the first layers of fc use them, ready to be captured.
namespace murmur::bench {

Work input_work(Bed& bed, const Variant& variant);
Work activation_forward_work(Bed& bed, const Variant& variant);
Work activation_backward_work(Bed& bed, const Variant& variant);
Work loss_work(Bed& bed, const Variant& variant);

/// The update clears the gradient. On a GPU every launch of a replay therefore has a gradient of its own, for zeros
/// would save power; on the CPU they share one, so that the working set stays in the cache where training has it.
/// `moments`: how many the optimizer reads and writes.
Work update_work(Bed& bed, const Variant& variant, int moments);

Work normals_work(Bed& bed, bool seven_rounds, bool fast);

/// A copy that no cache holds.
Work copy_work(Bed& bed);

/// Its bytes a second, read and written.
double measure_copy(Bed& bed);

}  // namespace murmur::bench
