#include <utility>

#include "murmur/engine/profiling.hpp"
#include "murmur/kernels/batch_norm.hpp"
#include "murmur/kernels/bias_relu.hpp"
#include "murmur/kernels/norm_pool.hpp"
#include "murmur/kernels/region_masks.hpp"
#include "murmur/layers/image_activation.hpp"
#include "murmur/layers/image_layout.hpp"

namespace murmur {
namespace {

/// Few samples a tile on a GPU, where tiles are what runs at once; so many tiles that their sums would be as large as
/// the images.
ImageTiles tiles_of(const Step& step, const Activations& images) {
  const bool is_gpu = step.is_for_gpu();
  return {images.size, images.image_layout, is_gpu ? 2 : 16, is_gpu || emulates_gpu()};
}

Tensor make_sums(const Step& step, const Activations& images) {
  const ImageTiles tiles = tiles_of(step, images);
  return step.arena.zeros({step.args.num_networks, tiles.count(step.args.micro_batch), 2, tiles.num_sums()},
                          step.dtype);
}

void check_images(const char* operation, const Step& step, const Activations& input) {
  const ImageSize& size = input.size;
  if (size.elements() != input.num_features || input.layout != Layout::kSampleMajor) {
    throw ShapeError("{}: expected sample-major images, got {} features and {} x {} x {}", operation,
                     input.num_features, size.height, size.width, size.channels);
  }
  if (quads_per_walk(size.channels) == 0) {
    throw ShapeError("{}: expected at most {} channels, or {} if a multiple of 4, got {}", operation, kImageLanes,
                     4 * kImageLanes, size.channels);
  }
  if (input.image_layout == ImageLayout::kChannelBlocks && !has_channel_blocks(step.stream.device())) {
    throw InvalidArgument("{}: expected channels last on {}, got blocks", operation, step.stream.device().name());
  }
  check_shape(operation, input.x.value(), {step.args.num_networks, step.args.micro_batch, padded(input.num_features)});
}

/// What the two halves of an image activation tell each other.
struct Statistics {
  Tensor sums;           // of the forward's batch norm; undefined without one and in evaluation
  Tensor saved;          // [P, 2, padded C]
  Tensor scale_shift;    // [P, 2, padded C]
  Tensor coefficients;   // [P, 3, padded C]
  Tensor backward_sums;  // working memory of backward
};

template <class T>
BatchStatisticsArgs<T> statistics_args(const Step& step, const NormPoolArgs<T>& images, const BatchNorm& norm,
                                       const Statistics& statistics) {
  BatchStatisticsArgs<T> args;
  args.step = step.args;
  args.images = images.images;
  args.sums = statistics.sums.defined() ? statistics.sums.data<T>() : nullptr;
  args.gamma = per_network<const T>(norm.gamma.value());
  args.beta = per_network<const T>(norm.beta.value());
  args.running = norm.statistics.data<T>();
  args.saved = statistics.saved.data<T>();
  args.scale_shift = statistics.scale_shift.data<T>();
  return args;
}

/// First half, in place.
template <class T>
Variable bias_relu(const Step& step, const Activations& input, const Variable& bias, const Statistics& statistics,
                   const ImageActivationOptions& options) {
  const Tensor x = input.x.value();
  BiasReluArgs<T> args;
  args.step = step.args;
  args.images = tiles_of(step, input);
  args.relu = options.relu;
  args.masks = options.masks;
  args.x = per_network<T>(x);
  args.bias = per_network<const T>(bias.value());
  args.sums = statistics.sums.defined() ? statistics.sums.data<T>() : nullptr;
  bias_relu_forward(step.stream, args);
  return Variable::result(
      "bias_relu", x, {input.x, bias}, [step, args, statistics, input_x = input.x, bias](const Variable& self) {
        BiasReluBackwardArgs<T> backward_args;
        backward_args.forward = args;
        backward_args.coefficients = statistics.coefficients.defined() ? statistics.coefficients.data<T>() : nullptr;
        backward_args.grad = self.grad().template data<T>();
        backward_args.sums = statistics.backward_sums.data<T>();
        bias_relu_backward(step.stream, backward_args);
        BiasGradientArgs<T> bias_args;
        bias_args.step = step.args;
        bias_args.images = args.images;
        bias_args.sums = backward_args.sums;
        bias_args.grad_bias = per_network<T>(bias.grad());
        bias_gradient(step.stream, bias_args);
        input_x.take_grad(self.grad());
      });
}

/// Second half, out of place.
template <class T>
struct NormPool {
  Step step;
  Statistics statistics;
  Variable input;
  BatchNorm norm;     // gamma undefined: none
  Variable residual;  // undefined: none
  NormPoolArgs<T> args;

  bool has_norm() const { return norm.gamma.defined(); }

  void forward(const Tensor& output) {
    args.output = per_network<T>(output);
    if (has_norm()) {
      batch_statistics(step.stream, statistics_args<T>(step, args, norm, statistics));
      args.scale_shift = statistics.scale_shift.data<T>();
    }
    if (residual.defined()) {
      check_shape("image_activation: residual", residual.value(), output.shape());
      args.residual = per_network<const T>(residual.value());
    }
    norm_pool_forward(step.stream, args);
  }

  void backward(const Tensor& grad_output) const {
    NormPoolBackwardArgs<T> backward_args;
    backward_args.forward = args;
    backward_args.grad_output = grad_output.data<T>();
    const bool in_place = args.window.pooling == Pooling::kNone;
    const Tensor grad_input = in_place ? grad_output : step.arena.zeros(input.value().shape(), step.dtype);
    backward_args.grad_input = grad_input.data<T>();
    if (residual.defined() && residual.requires_grad()) {
      const Variable::Target target = residual.grad_target(step.arena);
      backward_args.grad_residual = target.grad.data<T>();
      backward_args.accumulate_residual = target.accumulate;
    }
    if (has_norm()) backward_args.sums = statistics.backward_sums.data<T>();
    norm_pool_backward(step.stream, backward_args);
    if (has_norm()) finish_norm();
    input.take_grad(grad_input);
  }

  void finish_norm() const {
    BatchStatisticsBackwardArgs<T> backward_args;
    backward_args.forward = statistics_args<T>(step, args, norm, statistics);
    backward_args.sums = statistics.backward_sums.data<T>();
    backward_args.grad_gamma = per_network<T>(norm.gamma.grad());
    backward_args.grad_beta = per_network<T>(norm.beta.grad());
    backward_args.coefficients = statistics.coefficients.data<T>();
    batch_statistics_backward(step.stream, backward_args);
  }
};

template <class T>
Activations norm_pool(const Step& step, const Activations& input, const BatchNorm* norm, const Activations* residual,
                      const Statistics& statistics, const ImageActivationOptions& options) {
  const Tensor x = input.x.value();
  NormPool<T> operation{
      step, statistics, input.x, norm != nullptr ? *norm : BatchNorm{}, residual != nullptr ? residual->x : Variable(),
      {}};
  NormPoolArgs<T>& args = operation.args;
  args.step = step.args;
  args.images = tiles_of(step, input);
  args.window = options.window;
  args.relu = options.relu;
  args.masks = options.masks;
  args.x = per_network<const T>(x);
  const ImageSize size = args.output_images().size;
  const int64_t num_features = size.elements();
  const Tensor output =
      step.arena.zeros({step.args.num_networks, step.args.micro_batch, padded(num_features)}, step.dtype);
  operation.forward(output);
  std::vector<Variable> inputs{input.x};
  if (norm != nullptr) inputs.insert(inputs.end(), {norm->gamma, norm->beta});
  if (residual != nullptr) inputs.push_back(residual->x);
  Variable result = Variable::result("norm_pool", output, std::move(inputs),
                                     [operation](const Variable& self) { operation.backward(self.grad()); });
  return {result, Layout::kSampleMajor, num_features, size, input.image_layout};
}

/// Masks on regions, in place; of a layer that ends with dropout, where a trial has one on.
Activations with_region_masks(const Step& step, const Activations& images, const LayerMasks& masks) {
  if (!step.has_regions || !step.training || !masks.dropout) return images;
  Activations result = images;
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    RegionMasksArgs<T> args{step.args, tiles_of(step, images), masks, per_network<T>(images.x.value())};
    region_masks(step.stream, args);
    result.x = Variable::result("region_masks", images.x.value(), {images.x},
                                [&stream = step.stream, args, x = images.x](const Variable& self) {
                                  RegionMasksArgs<T> backward_args = args;
                                  backward_args.x = per_network<T>(self.grad());
                                  backward_args.output = args.x;
                                  region_masks(stream, backward_args);
                                  x.take_grad(self.grad());
                                });
  });
  return result;
}

}  // namespace

Activations image_activation(const Step& step, const Activations& input, const Variable& bias, const BatchNorm* norm,
                             const Activations* residual, const ImageActivationOptions& options) {
  if (residual != nullptr && residual->image_layout != input.image_layout) {
    const Activations last = channels_last(step, *residual);
    return image_activation(step, channels_last(step, input), bias, norm, &last, options);
  }
  const ProfileRange range("image_activation");
  const int64_t networks = step.args.num_networks;
  const int64_t width = padded(input.size.channels);
  check_images("image_activation: input", step, input);
  check_shape("image_activation: bias", bias.value(), {networks, width});
  if (norm != nullptr) {
    check_shape("image_activation: gamma", norm->gamma.value(), {networks, width});
    check_shape("image_activation: beta", norm->beta.value(), {networks, width});
    check_shape("image_activation: statistics", norm->statistics, {networks, 2, width});
  }
  const bool norm_first = norm != nullptr && options.norm == NormOrder::kBeforeRelu;
  const bool relu_last = options.relu && (norm_first || residual != nullptr);
  const bool pools = options.window.pooling != Pooling::kNone;
  if (pools && (relu_last || residual != nullptr)) {
    throw InvalidArgument("image_activation: expected pooling after a residual or a norm before the ReLU on its own");
  }
  const bool two_halves = norm != nullptr || residual != nullptr || pools;
  Statistics statistics;
  if (step.training) statistics.backward_sums = make_sums(step, input);
  if (norm != nullptr) {
    if (step.training) statistics.sums = make_sums(step, input);
    statistics.saved = step.arena.zeros({networks, 2, width}, step.dtype);
    statistics.scale_shift = step.arena.zeros({networks, 2, width}, step.dtype);
    statistics.coefficients = step.arena.zeros({networks, 3, width}, step.dtype);
  }
  ImageActivationOptions first = options;
  ImageActivationOptions second = options;
  first.relu = options.relu && !relu_last;
  second.relu = relu_last;
  if (two_halves) first.masks.dropout = first.masks.next_input = false;
  Activations result = input;
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    result.x = bias_relu<T>(step, input, bias, statistics, first);
    if (two_halves) result = norm_pool<T>(step, result, norm, residual, statistics, second);
  });
  return with_region_masks(step, result, options.masks);
}

Activations pool(const Step& step, const Activations& input, const ImageActivationOptions& options) {
  const ProfileRange range("pool");
  check_images("pool: input", step, input);
  if (options.window.height < 1 || options.window.width < 1 || options.window.height > input.size.height ||
      options.window.width > input.size.width) {
    throw ShapeError("pool: expected a window within {} x {}, got {} x {}", input.size.height, input.size.width,
                     options.window.height, options.window.width);
  }
  ImageActivationOptions plain = options;
  plain.relu = false;
  Activations result;
  dispatch_dtype(step.dtype,
                 [&](auto zero) { result = norm_pool<decltype(zero)>(step, input, nullptr, nullptr, {}, plain); });
  return with_region_masks(step, result, options.masks);
}

}  // namespace murmur
