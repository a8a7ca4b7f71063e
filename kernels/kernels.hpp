#pragma once

#include <cstdint>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/device.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/kernels/network_state.hpp"
#include "murmur/techniques/noise/geometry.hpp"

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
  ImageSize size;
  int64_t shuffle_window = 0;  // 0: the whole epoch
  bool mask_input = false;     // the study's dropconnect: a layer that is not the last comes next
  T* output = nullptr;
  int64_t output_stride = 0;  // elements from network to network
  int32_t* targets = nullptr;

  MURMUR_HD int64_t sample_size() const { return size.elements(); }
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

/// Images are sample-major [P, m, padded D], D = height x width x channels, with channels last or in blocks of 16
/// channels (ImageLayout), of which each is an image with channels last. Their kernels take tiles of `rows_per_tile`
/// samples and one block, and walk over it in steps of whole channels, so that a lane stays with its channels.
///
/// Sums over the samples and pixels of a channel leave a kernel as partial sums [P, tiles, 2, kChannelSums]: one a tile
/// and element of its lanes; of a tile with c channels, element k belongs to channel k mod c. No atomics: the order of
/// every sum is fixed.
inline constexpr int kImageLanes = 256;
inline constexpr int kChannelSums = 4 * kImageLanes;

/// Quads of a walk: the largest number up to kImageLanes that holds whole channels; 0 where there are too many
/// channels.
MURMUR_HD constexpr int64_t quads_per_walk(int64_t channels) {
  const int64_t period = channels % 4 == 0 ? channels / 4 : (channels % 2 == 0 ? channels / 2 : channels);
  return kImageLanes / period * period;
}

/// Blocks of channels that images are in; 1 with channels last.
MURMUR_HD constexpr int64_t num_channel_blocks(const ImageSize& size, ImageLayout layout) {
  return layout == ImageLayout::kChannelBlocks ? size.channels / kChannelBlock : 1;
}

/// Tiles of a micro-batch: those of its first samples come first, a block of channels each.
constexpr int64_t image_tiles(int64_t micro_batch, int64_t rows_per_tile, int64_t num_blocks) {
  return (micro_batch + rows_per_tile - 1) / rows_per_tile * num_blocks;
}

/// 2, for a convolution, in place: bias · activation noise · ReLU · dropout · next layer's input mask · partial sums
/// for a batch norm. Shapes: x [P, m, padded D], bias [P, padded C], sums [P, tiles, 2, kChannelSums] or null.
template <class T>
struct BiasReluArgs {
  StepArgs step;
  ImageSize size;
  ImageLayout layout = ImageLayout::kChannelsLast;
  int64_t rows_per_tile = 1;
  uint32_t layer = 0;
  bool relu = true;  // with its noise; false: the ReLU comes after a batch norm
  bool dropout = false;
  bool mask_next_input = false;
  T* x = nullptr;
  int64_t stride = 0;
  const T* bias = nullptr;
  int64_t bias_stride = 0;
  T* sums = nullptr;
};

/// Its backward, in place: grad turns from the gradient of the output into that of the convolution's result, and sums
/// get its partial sums: the bias's gradient. `coefficients` [P, 3, padded C], where a batch norm follows: its gradient
/// is a grad + b x + c.
template <class T>
struct BiasReluBackwardArgs {
  BiasReluArgs<T> forward;
  const T* coefficients = nullptr;
  T* grad = nullptr;
  T* sums = nullptr;
};

enum class Pooling : uint8_t { kNone, kMax, kAverage };

/// 2, for a convolution, the second half: batch norm (scale x + shift) · + residual · activation noise · ReLU · pooling
/// · dropout · next layer's input mask; out of place. Windows do not overlap; what is left at the edges is not read. A
/// residual and a ReLU come without pooling. Shapes: x [P, m, padded D], output and residual [P, m, padded D'] with
/// D' = out_height x out_width x C, scale_shift [P, 2, padded C] or null.
template <class T>
struct NormPoolArgs {
  StepArgs step;
  ImageSize size;
  ImageLayout layout = ImageLayout::kChannelsLast;
  int64_t rows_per_tile = 1;
  uint32_t layer = 0;
  Pooling pooling = Pooling::kNone;
  int64_t window_height = 1;
  int64_t window_width = 1;
  bool relu = false;
  bool dropout = false;
  bool mask_next_input = false;
  const T* scale_shift = nullptr;
  const T* x = nullptr;
  int64_t stride = 0;
  const T* residual = nullptr;
  int64_t residual_stride = 0;
  T* output = nullptr;
  int64_t output_stride = 0;

  MURMUR_HD ImageSize output_size() const {
    return {size.height / window_height, size.width / window_width, size.channels};
  }
};

/// Its backward: grad_input gets the gradient of scale x + shift (of x, where there is no norm), and sums the partial
/// sums of it and of its product with x. grad_output is overwritten; without pooling grad_input is grad_output.
template <class T>
struct NormPoolBackwardArgs {
  NormPoolArgs<T> forward;
  T* grad_output = nullptr;
  T* grad_input = nullptr;
  T* grad_residual = nullptr;
  bool accumulate_residual = false;
  T* sums = nullptr;
};

/// The statistics of a batch norm from the partial sums of its input, per network and channel: in training those of the
/// micro-batch (ghost batch norm), which also move the running ones; in evaluation the running ones.
/// Shapes: sums [P, tiles, 2, kChannelSums] or null (evaluation); gamma, beta [P, padded C]; running (mean, variance),
/// saved (mean, 1 / deviation), scale_shift [P, 2, padded C].
template <class T>
struct BatchStatisticsArgs {
  StepArgs step;
  ImageSize size;
  ImageLayout layout = ImageLayout::kChannelsLast;
  int64_t num_tiles = 0;
  const T* sums = nullptr;
  const T* gamma = nullptr;
  const T* beta = nullptr;
  int64_t parameter_stride = 0;
  T* running = nullptr;
  T* saved = nullptr;
  T* scale_shift = nullptr;
};

/// Gradients of gamma and beta (they add up), and the coefficients of BiasReluBackwardArgs, from the partial sums of
/// NormPoolBackwardArgs.
template <class T>
struct BatchStatisticsBackwardArgs {
  BatchStatisticsArgs<T> forward;
  const T* sums = nullptr;
  T* grad_gamma = nullptr;
  T* grad_beta = nullptr;
  T* coefficients = nullptr;
};

/// The gradient of a bias from the partial sums of BiasReluBackwardArgs; it adds up. Shapes: grad_bias [P, padded C].
template <class T>
struct BiasGradientArgs {
  StepArgs step;
  ImageSize size;
  ImageLayout layout = ImageLayout::kChannelsLast;
  int64_t num_tiles = 0;
  const T* sums = nullptr;
  T* grad_bias = nullptr;
  int64_t bias_stride = 0;
};

/// Convolution as a matrix product, where no library does it: rows of `columns` are output pixels, and hold what their
/// filters see. Samples [first_row, first_row + num_rows) only. Shapes: x [P, m, padded D], columns [P, num_rows,
/// out_height, out_width, padded filter_size].
template <class T>
struct Im2colArgs {
  int64_t num_networks = 0;
  ConvolutionShape shape;
  int64_t first_row = 0;
  int64_t num_rows = 0;
  T* x = nullptr;
  int64_t stride = 0;
  T* columns = nullptr;
  int64_t columns_stride = 0;
  bool accumulate = false;  // col2im only: add to x
};

/// Images with channels last from images in blocks of channels, or the other way round. Shapes: [P, m, D], C a multiple
/// of 16.
template <class T>
struct ReorderArgs {
  int64_t num_networks = 0;
  int64_t num_rows = 0;
  ImageSize size;
  ImageLayout from = ImageLayout::kChannelBlocks;
  const T* source = nullptr;
  int64_t source_stride = 0;
  T* target = nullptr;
  int64_t target_stride = 0;
};

/// target += source. Shapes: [P, n].
template <class T>
struct AddArgs {
  int64_t num_networks = 0;
  int64_t num_elements = 0;
  const T* source = nullptr;
  int64_t source_stride = 0;
  T* target = nullptr;
  int64_t target_stride = 0;
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

/// What transient noise (DropConnect, additive and multiplicative noise) does to an element of the arena.
enum class WeightKind : uint8_t { kExact, kNoisy, kNoisyAndDropped };

/// 4 and 5. Update: (mean of the batch) · gradient dropout · frozen mask · gradient noise · weight noise · SGD /
/// momentum / Adam, for every parameter of every network whose batch is full; clears the gradient. With `copy`: the
/// passes run on that copy of the weights, which has transient noise; the gradient passes through it, and the copy of
/// the next update is written. Shapes: weight, grad, moment1, moment2, copy [P, stride]: the arenas; kinds [stride /
/// 4].
template <class T>
struct UpdateArgs {
  StepArgs step;
  bool sum_loss = false;  // the batch's gradient is the sum and not the mean over its samples
  T* weight = nullptr;
  T* grad = nullptr;
  T* moment1 = nullptr;
  T* moment2 = nullptr;
  int64_t stride = 0;
  T* copy = nullptr;
  const WeightKind* kinds = nullptr;
};

/// Writes the copy of the weights for the selected networks' first update. Shapes: selected u8 [P].
template <class T>
struct CopyWeightsArgs {
  UpdateArgs<T> update;
  const uint8_t* selected = nullptr;
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

/// One value everywhere, for the selected networks. Shapes: values [P, stride], of which num_elements (whole quads) are
/// filled.
template <class T>
struct FillArgs {
  int64_t num_networks = 0;
  T* values = nullptr;
  int64_t stride = 0;
  int64_t num_elements = 0;
  T value = 0;
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
MURMUR_DECLARE_KERNEL(bias_relu_forward, BiasReluArgs<float>)
MURMUR_DECLARE_KERNEL(bias_relu_forward, BiasReluArgs<double>)
MURMUR_DECLARE_KERNEL(bias_relu_backward, BiasReluBackwardArgs<float>)
MURMUR_DECLARE_KERNEL(bias_relu_backward, BiasReluBackwardArgs<double>)
MURMUR_DECLARE_KERNEL(norm_pool_forward, NormPoolArgs<float>)
MURMUR_DECLARE_KERNEL(norm_pool_forward, NormPoolArgs<double>)
MURMUR_DECLARE_KERNEL(norm_pool_backward, NormPoolBackwardArgs<float>)
MURMUR_DECLARE_KERNEL(norm_pool_backward, NormPoolBackwardArgs<double>)
MURMUR_DECLARE_KERNEL(batch_statistics, BatchStatisticsArgs<float>)
MURMUR_DECLARE_KERNEL(batch_statistics, BatchStatisticsArgs<double>)
MURMUR_DECLARE_KERNEL(batch_statistics_backward, BatchStatisticsBackwardArgs<float>)
MURMUR_DECLARE_KERNEL(batch_statistics_backward, BatchStatisticsBackwardArgs<double>)
MURMUR_DECLARE_KERNEL(bias_gradient, BiasGradientArgs<float>)
MURMUR_DECLARE_KERNEL(bias_gradient, BiasGradientArgs<double>)
MURMUR_DECLARE_KERNEL(im2col, Im2colArgs<float>)
MURMUR_DECLARE_KERNEL(im2col, Im2colArgs<double>)
MURMUR_DECLARE_KERNEL(col2im, Im2colArgs<float>)
MURMUR_DECLARE_KERNEL(col2im, Im2colArgs<double>)
MURMUR_DECLARE_KERNEL(reorder, ReorderArgs<float>)
MURMUR_DECLARE_KERNEL(reorder, ReorderArgs<double>)
MURMUR_DECLARE_KERNEL(add, AddArgs<float>)
MURMUR_DECLARE_KERNEL(add, AddArgs<double>)
MURMUR_DECLARE_KERNEL(loss_forward, LossArgs<float>)
MURMUR_DECLARE_KERNEL(loss_forward, LossArgs<double>)
MURMUR_DECLARE_KERNEL(update, UpdateArgs<float>)
MURMUR_DECLARE_KERNEL(update, UpdateArgs<double>)
MURMUR_DECLARE_KERNEL(copy_weights, CopyWeightsArgs<float>)
MURMUR_DECLARE_KERNEL(copy_weights, CopyWeightsArgs<double>)
MURMUR_DECLARE_KERNEL(advance, AdvanceArgs)
MURMUR_DECLARE_KERNEL(initialize, InitializeArgs<float>)
MURMUR_DECLARE_KERNEL(initialize, InitializeArgs<double>)
MURMUR_DECLARE_KERNEL(fill, FillArgs<float>)
MURMUR_DECLARE_KERNEL(fill, FillArgs<double>)

#undef MURMUR_DECLARE_KERNEL

// The definitions of a kernel in both element types; `run` launches it. For the end of a kernel's source.
#define MURMUR_DEFINE_KERNEL(name, Args)                        \
  void name(murmur::Stream& stream, const Args<float>& args) {  \
    run(stream, args);                                          \
  }                                                             \
  void name(murmur::Stream& stream, const Args<double>& args) { \
    run(stream, args);                                          \
  }

}  // namespace murmur
