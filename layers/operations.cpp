#include "murmur/layers/operations.hpp"

#include "murmur/engine/gemm.hpp"
#include "murmur/engine/profiling.hpp"
#include "murmur/kernels/activation.hpp"
#include "murmur/kernels/input.hpp"
#include "murmur/kernels/loss.hpp"
#include "murmur/layers/image_activation.hpp"
#include "murmur/layers/image_layout.hpp"

namespace murmur {
namespace {

template <class T>
Matrix<const T> input_matrix(const Tensor& tensor) {
  return {tensor.data<T>(), tensor.shape().back(), tensor.network_stride()};
}

template <class T>
Matrix<T> output_matrix(const Tensor& tensor) {
  return {tensor.data<T>(), tensor.shape().back(), tensor.network_stride()};
}

/// What forward and backward of a linear layer share.
struct LinearOperation {
  Step step;
  Activations input;
  Variable weight;
  int64_t out_features;
  int64_t in_features;

  template <class T>
  Gemm<T> problem() const {
    Gemm<T> gemm;
    gemm.num_networks = step.args.num_networks;
    gemm.allow_tf32 = step.allow_tf32;
    return gemm;
  }

  template <class T>
  void forward(const Tensor& output) const {
    Gemm<T> args = problem<T>();
    args.m = out_features;
    args.n = step.args.micro_batch;
    args.k = in_features;
    args.a = input_matrix<T>(weight.value());
    args.b = input_matrix<T>(input.x.value());
    args.transpose_b = input.layout == Layout::kSampleMajor;
    args.c = output_matrix<T>(output);
    gemm(step.stream, args);
  }

  template <class T>
  void backward(const Tensor& grad_output) const {
    const Variable::Target grad_weight = weight.grad_target(step.arena);
    Gemm<T> args = problem<T>();
    args.m = out_features;
    args.n = in_features;
    args.k = step.args.micro_batch;
    args.a = input_matrix<T>(grad_output);
    args.b = input_matrix<T>(input.x.value());
    args.transpose_b = input.layout == Layout::kFeatureMajor;
    args.beta = grad_weight.accumulate ? T{1} : T{0};
    args.c = output_matrix<T>(grad_weight.grad);
    gemm(step.stream, args);
    if (input.x.requires_grad()) backward_input<T>(grad_output);
  }

  template <class T>
  void backward_input(const Tensor& grad_output) const {
    const Variable::Target grad_input = input.x.grad_target(step.arena);
    const Matrix<const T> w = input_matrix<T>(weight.value());
    const Matrix<const T> g = input_matrix<T>(grad_output);
    Gemm<T> args = problem<T>();
    const bool sample_major = input.layout == Layout::kSampleMajor;
    args.m = sample_major ? step.args.micro_batch : in_features;
    args.n = sample_major ? in_features : step.args.micro_batch;
    args.k = out_features;
    args.a = sample_major ? g : w;
    args.b = sample_major ? w : g;
    args.transpose_a = true;
    args.beta = grad_input.accumulate ? T{1} : T{0};
    args.c = output_matrix<T>(grad_input.grad);
    gemm(step.stream, args);
  }
};

/// Kernel 2 on features, in place; `bias` undefined: none.
Activations run_activation(const char* operation, const Step& step, const Activations& input, const Variable& bias,
                           bool relu, const LayerMasks& masks) {
  const ProfileRange range(operation);
  const int64_t networks = step.args.num_networks;
  const int64_t width = padded(input.num_features);
  const Tensor x = input.x.value();
  check_shape("activation: input", x, {networks, width, step.args.micro_batch});
  if (bias.defined()) check_shape("activation: bias", bias.value(), {networks, width});
  Variable result;
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    ActivationArgs<T> args;
    args.step = step.args;
    args.num_features = input.num_features;
    args.relu = relu;
    args.masks = masks;
    args.x = per_network<T>(x);
    if (bias.defined()) args.bias = per_network<const T>(bias.value());
    activation_forward(step.stream, args);
    const auto backward = [&stream = step.stream, args, x, input_x = input.x, bias](const Variable& self) {
      ActivationBackwardArgs<T> backward_args;
      backward_args.forward = args;
      backward_args.grad = self.grad().data<T>();
      if (bias.defined()) backward_args.grad_bias = bias.grad().data<T>();
      activation_backward(stream, backward_args);
      input_x.take_grad(self.grad());
    };
    std::vector<Variable> inputs{input.x};
    if (bias.defined()) inputs.push_back(bias);
    result = Variable::result(operation, x, std::move(inputs), backward);
  });
  return {result, Layout::kFeatureMajor, input.num_features, {}};
}

}  // namespace

Batch input_batch(const Step& step, const SampleSource& source, bool mask_input) {
  const ProfileRange range("input");
  const int64_t networks = step.args.num_networks;
  const int64_t rows = step.args.micro_batch;
  if (source.first < 0 || source.first + step.args.epoch_size > source.images.size(0) ||
      source.labels.size(0) != source.images.size(0)) {
    throw ShapeError("input: expected samples [{}, {}) within images and labels, got {} images and {} labels",
                     source.first, source.first + step.args.epoch_size, source.images.size(0), source.labels.size(0));
  }
  if (source.size.elements() != source.sample_size()) {
    throw ShapeError("input: expected images of {} x {} x {} elements, got {}", source.size.height, source.size.width,
                     source.size.channels, source.sample_size());
  }
  const Tensor x = step.arena.zeros({networks, rows, padded(source.sample_size())}, step.dtype);
  Targets targets{step.arena.zeros({networks, rows}, DType::kI32)};
  if (step.training) {
    targets.second_labels = step.arena.zeros({networks, rows}, DType::kI32);
    targets.shares = step.arena.zeros({networks, rows}, DType::kF32);
  }
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    InputArgs<T> args;
    args.step = step.args;
    args.images = source.images.data<uint8_t>();
    args.labels = source.labels.data<uint8_t>();
    args.first = source.first;
    args.size = source.size;
    args.mask_input = mask_input;
    args.output = per_network<T>(x);
    args.targets = targets.labels.data<int32_t>();
    args.num_classes = source.num_classes;
    if (step.training) {
      args.second_targets = targets.second_labels.data<int32_t>();
      args.target_shares = targets.shares.data<float>();
    }
    args.has_regions = step.training && step.has_regions;
    if (args.has_regions) input_regions(step.stream, args);
    input_forward(step.stream, args);
  });
  return {{Variable::constant(x), Layout::kSampleMajor, source.sample_size(), source.size}, targets};
}

Activations linear(const Step& step, const Activations& any_input, const Variable& weight) {
  const ProfileRange range("linear");
  const Activations input = channels_last(step, any_input);
  const int64_t networks = step.args.num_networks;
  const int64_t rows = step.args.micro_batch;
  const int64_t in = input.num_features;
  if (weight.value().num_axes() != 3) {
    throw ShapeError("linear: weight must be [P={}, out, {}], got {}", networks, in, to_string(weight.value().shape()));
  }
  const int64_t out = weight.value().size(1);
  check_shape("linear: weight", weight.value(), {networks, out, in});
  check_shape(
      "linear: input", input.x.value(),
      input.layout == Layout::kSampleMajor ? Shape{networks, rows, padded(in)} : Shape{networks, padded(in), rows});
  const Tensor output = step.arena.zeros({networks, padded(out), rows}, step.dtype);
  const LinearOperation operation{step, input, weight, out, in};
  dispatch_dtype(step.dtype, [&](auto zero) { operation.forward<decltype(zero)>(output); });
  Variable result = Variable::result("linear", output, {input.x, weight}, [operation](const Variable& self) {
    dispatch_dtype(operation.step.dtype, [&](auto zero) { operation.backward<decltype(zero)>(self.grad()); });
  });
  return {result, Layout::kFeatureMajor, out, {}};
}

Activations activation(const Step& step, const Activations& input, const Variable& bias, const LayerMasks& masks) {
  return run_activation("activation", step, input, bias, true, masks);
}

Activations add_bias(const Step& step, const Activations& input, const Variable& bias) {
  return run_activation("add_bias", step, input, bias, false, {});
}

Activations mask(const Step& step, const Activations& input, const LayerMasks& masks) {
  if (input.layout == Layout::kSampleMajor) {
    ImageActivationOptions options;
    options.masks = masks;
    return pool(step, input, options);
  }
  return run_activation("mask", step, input, Variable(), false, masks);
}

Variable cross_entropy(const Step& step, const Activations& logits, const Variable& bias, const Targets& targets) {
  const ProfileRange range("loss");
  const int64_t networks = step.args.num_networks;
  const int64_t width = padded(logits.num_features);
  const Tensor& z = logits.x.value();
  check_shape("cross_entropy: logits", z, {networks, width, step.args.micro_batch});
  check_shape("cross_entropy: bias", bias.value(), {networks, width});
  check_shape("cross_entropy: targets", targets.labels, {networks, step.args.micro_batch});
  const Tensor grad = step.training ? step.arena.zeros(z.shape(), step.dtype) : Tensor();
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    LossArgs<T> args;
    args.step = step.args;
    args.num_classes = logits.num_features;
    args.logits = per_network<T>(z);
    args.bias = per_network<const T>(bias.value());
    args.targets = targets.labels.data<int32_t>();
    if (targets.shares.defined()) {
      args.second_targets = targets.second_labels.data<int32_t>();
      args.target_shares = targets.shares.data<float>();
    }
    if (step.training) {
      args.grad = grad.template data<T>();
      args.grad_bias = bias.grad().data<T>();
    }
    loss_forward(step.stream, args);
  });
  // Forward has computed the gradient in the same pass; backward only hands it over.
  return Variable::result("cross_entropy", Tensor(), {logits.x, bias},
                          [grad, x = logits.x](const Variable&) { x.take_grad(grad); });
}

}  // namespace murmur
