#pragma once

#include "murmur/layers/step.hpp"

namespace murmur {

/// A dataset's images and labels on the device, and the part of them that is used.
struct SampleSource {
  Tensor images;  // u8 [N, D]
  Tensor labels;  // u8 [N]
  int64_t first = 0;
  ImageSize size;           // height x width x channels = D
  int64_t num_classes = 0;  // among which noise on labels draws; 0: none
  int64_t sample_size() const { return images.size(1); }
};

/// What the samples of a micro-batch are to be. Where a sample is mixed with another one (mixup, CutMix), it has a
/// second label, and the first one's share.
struct Targets {
  Tensor labels;           // i32 [P, m], -1 where there is no sample
  Tensor second_labels{};  // i32 [P, m]; this and the next: of a training step
  Tensor shares{};         // f32 [P, m]
};

/// One micro-batch of every network.
struct Batch {
  Activations input;
  Targets targets;
};

/// Gathers the next micro-batch and puts noise on it (kernel 1).
/// Shapes: input [P, m, padded D], sample-major.
Batch input_batch(const Step& step, const SampleSource& source, bool mask_input);

/// output[p] = weight[p] input[p], feature-major [P, padded out, m]; no bias, which the next kernel adds.
/// Shapes: weight [P, out, in].
/// Grad:   d weight += d output input^T; d input = weight^T d output.
/// Throws: ShapeError.
Activations linear(const Step& step, const Activations& input, const Variable& weight);

/// relu(input + bias + noise), masked; in place (kernel 2).
/// Shapes: input feature-major [P, padded F, m]; bias [P, padded F].
/// Grad:   masks are drawn again; d bias += sum over samples.
/// Throws: ShapeError.
Activations activation(const Step& step, const Activations& input, const Variable& bias, const LayerMasks& masks);

/// Features + bias, in place. Shapes and gradients as for `activation`.
Activations add_bias(const Step& step, const Activations& input, const Variable& bias);

/// A layer's masks by themselves: in place on features, out of place on images.
/// Throws: ShapeError.
Activations mask(const Step& step, const Activations& input, const LayerMasks& masks);

/// Softmax cross-entropy of logits + bias against the targets, with its noise (kernel 3). The loss itself adds to the
/// networks' states; the result stands for the sum (not the mean) over the micro-batch's samples.
/// Shapes: logits feature-major [P, padded K, m]; bias [P, padded K].
/// Throws: ShapeError.
Variable cross_entropy(const Step& step, const Activations& logits, const Variable& bias, const Targets& targets);

}  // namespace murmur
