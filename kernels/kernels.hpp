#pragma once

#include <cstdint>

#include "engine/device.hpp"
#include "engine/quad.hpp"
#include "engine/stream.hpp"
#include "kernels/network_state.hpp"
#include "kernels/noise/geometry.hpp"

// The fused kernels. Each takes a POD of views and is instantiated for float and double (double is what gradient checks
// run). P networks, m rows of the micro-batch, D elements of a sample, F features, K classes. Counts that say "padded"
// are rounded up to whole quads; padding reaches no result, and that of activations is never written: it stays the
// arena's 0.
//
// Layouts: the input is sample-major [P, m, padded D]; hidden activations and logits are feature-major [P, padded F,
// m]. With the samples innermost every loop over lanes is contiguous on both targets, whatever F is, and GEMMs see
// leading dimensions that are multiples of four (50 and 10 features are not).

namespace murmur {

/// What every kernel of a step needs: who the networks are and what is in force.
struct StepArgs {
  NetworkState* state = nullptr;  // [P]
  TechniqueTable techniques;
  int64_t num_networks = 0;
  int64_t micro_batch = 0;
  int64_t epoch_size = 0;  // samples of an epoch, or of an evaluation
  bool paper = false;      // the study's definitions, where they differ
};

/// 1. Input: gather · (keyed permutation) · u8 -> [0, 1] · flip, rotation, zoom, translation (one resampling) ·
/// contrast · input noise · input mask of the first layer. Shapes: images u8 [N, D = height x width x channels], labels
/// u8 [N], output [P, m, padded D], targets [P, m] (-1: no sample in this row).
template <class T>
struct InputArgs {
  StepArgs step;
  const uint8_t* images = nullptr;
  const uint8_t* labels = nullptr;
  int64_t first = 0;  // the split's first sample
  noise::ImageSize size;
  int64_t shuffle_window = 0;  // 0: the whole epoch
  bool mask_input = false;     // a linear or convolution layer that is not the last comes next
  T* output = nullptr;
  int64_t output_stride = 0;  // elements from network to network
  int32_t* targets = nullptr;

  MURMUR_HD int64_t sample_size() const { return size.height * size.width * size.channels; }
};

/// 2. Activation, in place: bias · activation noise · ReLU · dropout · next layer's input mask.
/// Shapes: x [P, padded F, m], bias [P, padded F].
template <class T>
struct ActivationArgs {
  StepArgs step;
  int64_t num_features = 0;
  uint32_t layer = 0;  // part of the random numbers' address
  bool dropout = false;
  bool mask_next_input = false;
  T* x = nullptr;
  int64_t stride = 0;
  const T* bias = nullptr;
  int64_t bias_stride = 0;
};

/// Its backward, in place: grad [P, padded F, m] turns from the gradient of the output into that of the GEMM's result;
/// grad_bias adds up. The masks are drawn again; `x` is the forward's output, whose sign is the ReLU's gate.
template <class T>
struct ActivationBackwardArgs {
  ActivationArgs<T> forward;
  T* grad = nullptr;
  T* grad_bias = nullptr;
};

/// 3. Loss: bias · softmax · cross-entropy · label smoothing · loss noise · gradient · hit count, one pass; adds to the
/// state's sums and marks a network whose loss is not finite as diverged.
/// Shapes: logits, grad [P, padded K, m], bias, grad_bias [P, padded K]. grad and grad_bias null: evaluation.
template <class T>
struct LossArgs {
  StepArgs step;
  int64_t num_classes = 0;
  const T* logits = nullptr;
  int64_t stride = 0;
  const T* bias = nullptr;
  int64_t bias_stride = 0;
  const int32_t* targets = nullptr;
  T* grad = nullptr;
  T* grad_bias = nullptr;
};

/// 4 and 5. Update: (mean of the batch) · gradient dropout · frozen mask · gradient noise · weight noise · SGD /
/// momentum / Adam, for every parameter of every network whose batch is full; clears the gradient. Shapes: weight,
/// grad, moment1, moment2 [P, stride]: the arenas.
template <class T>
struct UpdateArgs {
  StepArgs step;
  bool sum_loss = false;  // the batch's gradient is the sum and not the mean over its samples
  T* weight = nullptr;
  T* grad = nullptr;
  T* moment1 = nullptr;
  T* moment2 = nullptr;
  int64_t stride = 0;
};

/// The end of a tick: counts samples and updates.
struct AdvanceArgs {
  StepArgs step;
};

/// A fresh kernel of one layer for the selected networks: N(0, scale^2), scale 0 for the technique `init_scale`.
/// Shapes: weight [P, num_elements], selected u8 [P].
template <class T>
struct InitializeArgs {
  StepArgs step;
  uint32_t layer = 0;
  double scale = 0;
  int64_t num_elements = 0;
  T* weight = nullptr;
  int64_t stride = 0;
  const uint8_t* selected = nullptr;
};

/// Zeros for the selected networks. Shapes: values [P, stride].
template <class T>
struct ClearArgs {
  int64_t num_networks = 0;
  T* values = nullptr;
  int64_t stride = 0;
  const uint8_t* selected = nullptr;
};

// Every kernel exists in both targets under the same name; the inline function picks by the stream's device.
#define MURMUR_DECLARE_KERNEL(name, Args)              \
  namespace cpu {                                      \
  void name(murmur::Stream& stream, const Args& args); \
  }                                                    \
  namespace cuda {                                     \
  void name(murmur::Stream& stream, const Args& args); \
  }                                                    \
  inline void name(Stream& stream, const Args& args) { \
    if (!stream.device().is_cuda()) {                  \
      cpu::name(stream, args);                         \
    } else if constexpr (kCudaBuild) {                 \
      cuda::name(stream, args);                        \
    }                                                  \
  }

MURMUR_DECLARE_KERNEL(input_forward, InputArgs<float>)
MURMUR_DECLARE_KERNEL(input_forward, InputArgs<double>)
MURMUR_DECLARE_KERNEL(activation_forward, ActivationArgs<float>)
MURMUR_DECLARE_KERNEL(activation_forward, ActivationArgs<double>)
MURMUR_DECLARE_KERNEL(activation_backward, ActivationBackwardArgs<float>)
MURMUR_DECLARE_KERNEL(activation_backward, ActivationBackwardArgs<double>)
MURMUR_DECLARE_KERNEL(loss_forward, LossArgs<float>)
MURMUR_DECLARE_KERNEL(loss_forward, LossArgs<double>)
MURMUR_DECLARE_KERNEL(update, UpdateArgs<float>)
MURMUR_DECLARE_KERNEL(update, UpdateArgs<double>)
MURMUR_DECLARE_KERNEL(advance, AdvanceArgs)
MURMUR_DECLARE_KERNEL(initialize, InitializeArgs<float>)
MURMUR_DECLARE_KERNEL(initialize, InitializeArgs<double>)
MURMUR_DECLARE_KERNEL(clear, ClearArgs<float>)
MURMUR_DECLARE_KERNEL(clear, ClearArgs<double>)

#undef MURMUR_DECLARE_KERNEL

}  // namespace murmur
