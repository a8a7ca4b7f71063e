#include "murmur/layers/convolution_operation.hpp"

#include <algorithm>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/gemm.hpp"
#include "murmur/engine/profiling.hpp"
#include "murmur/engine/timing.hpp"
#include "murmur/kernels/add.hpp"
#include "murmur/kernels/im2col.hpp"
#include "murmur/kernels/initialize.hpp"
#include "murmur/layers/image_layout.hpp"

namespace murmur {
namespace {

/// Working memory of im2col, all networks together.
constexpr int64_t kColumnsBytesCpu = int64_t{64} << 20;
constexpr int64_t kColumnsBytesCuda = int64_t{1} << 30;

/// What forward and backward share.
struct Operation {
  Step step;
  Variable input;
  Variable weight;
  ConvolutionShape shape;
  ConvolutionMethod method;
  ImageLayout input_layout = ImageLayout::kChannelsLast;
  ImageLayout output_layout = ImageLayout::kChannelsLast;

  bool uses_library(ConvolutionPass pass) const {
    if (method != ConvolutionMethod::kAutomatic) return method == ConvolutionMethod::kLibrary;
    if (step.dtype != DType::kF32 || !has_library_convolution(step.stream.device(), shape)) return false;
    if (!step.stream.device().is_cuda()) return true;  // also where it stands for a GPU, which takes as much
    return step.choices != nullptr &&
           step.choices->faster({pass, shape, step.args.num_networks, step.allow_tf32}) == ConvolutionMethod::kLibrary;
  }

  Convolution library_args(const Tensor& x, const Tensor& y, const Tensor& w) const {
    Convolution args;
    args.num_networks = step.args.num_networks;
    args.shape = shape;
    args.input = x.data<float>();
    args.input_stride = x.network_stride();
    args.input_layout = input_layout;
    args.weight = w.data<float>();
    args.weight_stride = w.network_stride();
    args.output = y.data<float>();
    args.output_stride = y.network_stride();
    args.output_layout = output_layout;
    args.allow_tf32 = step.allow_tf32;
    return args;
  }

  void forward(const Tensor& output) const {
    if (uses_library(ConvolutionPass::kForward)) {
      convolution_forward(step.stream, library_args(input.value(), output, weight.value()));
    } else {
      dispatch_dtype(step.dtype, [&](auto zero) { forward_columns<decltype(zero)>(output); });
    }
  }

  void backward(const Tensor& grad_output) const {
    const Variable::Target grad_weight = weight.grad_target(step.arena);
    if (!grad_weight.accumulate) throw Error("convolution: expected a parameter as its weight");
    backward_weight(grad_output, grad_weight.grad);
    if (input.requires_grad()) backward_input(grad_output, input.grad_target(step.arena));
  }

  /// Adds to the gradient.
  void backward_weight(const Tensor& grad_output, const Tensor& grad_weight) const {
    if (uses_library(ConvolutionPass::kBackwardWeight)) {
      convolution_backward_weight(step.stream, library_args(input.value(), grad_output, grad_weight));
    } else {
      dispatch_dtype(step.dtype, [&](auto zero) { backward_weight_columns<decltype(zero)>(grad_output, grad_weight); });
    }
  }

  void backward_input(const Tensor& grad_output, const Variable::Target& grad_input) const {
    if (!uses_library(ConvolutionPass::kBackwardInput)) {
      dispatch_dtype(step.dtype, [&](auto zero) { backward_input_columns<decltype(zero)>(grad_output, grad_input); });
    } else if (!grad_input.accumulate) {
      convolution_backward_input(step.stream, library_args(grad_input.grad, grad_output, weight.value()));
    } else {
      const Tensor part = step.arena.scratch(grad_input.grad.shape(), step.dtype);
      convolution_backward_input(step.stream, library_args(part, grad_output, weight.value()));
      add(step.stream, AddArgs<float>{step.args.num_networks, part.network_size(), per_network<const float>(part),
                                      per_network<float>(grad_input.grad)});
    }
  }

  // Convolution as a matrix product: a few samples at a time, so that the unfolded input stays small.

  int64_t rows_at_once() const {
    // Samples are padded to quads: where that leaves a gap, their pixels are not rows of one matrix.
    if (shape.output_size() % 4 != 0) return 1;
    const int64_t limit = step.is_for_gpu() ? kColumnsBytesCuda : kColumnsBytesCpu;
    const int64_t sample_bytes =
        step.args.num_networks * pixels() * padded(shape.filter_size()) * size_bytes(step.dtype);
    return std::clamp<int64_t>(limit / sample_bytes, 1, shape.batch);
  }
  int64_t pixels() const { return shape.out_height() * shape.out_width(); }

  /// Calls f(im2col's arguments, elements of the output before its first row) for each part of the micro-batch.
  template <class T, class F>
  void for_each_part(const Tensor& x, const F& f) const {
    const int64_t rows = rows_at_once();
    const Tensor columns =
        step.arena.scratch({step.args.num_networks, rows * pixels(), padded(shape.filter_size())}, step.dtype);
    for (int64_t first = 0; first < shape.batch; first += rows) {
      Im2colArgs<T> args;
      args.num_networks = step.args.num_networks;
      args.shape = shape;
      args.first_row = first;
      args.num_rows = std::min(rows, shape.batch - first);
      args.x = per_network<T>(x);
      args.columns = per_network<T>(columns);
      f(args, first * padded(shape.output_size()));
    }
  }

  template <class T>
  Gemm<T> problem() const {
    Gemm<T> gemm;
    gemm.num_networks = step.args.num_networks;
    gemm.allow_tf32 = step.allow_tf32;
    return gemm;
  }
  template <class T>
  Matrix<T> columns_matrix(const Im2colArgs<T>& part) const {
    return {part.columns.data, padded(shape.filter_size()), part.columns.stride};
  }
  template <class T>
  Matrix<T> weight_matrix(const Tensor& w) const {
    return {w.data<T>(), shape.filter_size(), w.network_stride()};
  }
  template <class T>
  Matrix<T> output_matrix(const Tensor& y, int64_t offset) const {
    return {y.data<T>() + offset, shape.filters, y.network_stride()};
  }
  template <class T>
  static Matrix<const T> constant(const Matrix<T>& matrix) {
    return {matrix.data, matrix.leading, matrix.stride};
  }

  template <class T>
  void forward_columns(const Tensor& output) const {
    for_each_part<T>(input.value(), [&](const Im2colArgs<T>& part, int64_t offset) {
      im2col(step.stream, part);
      Gemm<T> args = problem<T>();
      args.m = part.num_rows * pixels();
      args.n = shape.filters;
      args.k = shape.filter_size();
      args.a = constant(columns_matrix(part));
      args.b = constant(weight_matrix<T>(weight.value()));
      args.transpose_b = true;
      args.c = output_matrix<T>(output, offset);
      gemm(step.stream, args);
    });
  }

  template <class T>
  void backward_weight_columns(const Tensor& grad_output, const Tensor& grad_weight) const {
    for_each_part<T>(input.value(), [&](const Im2colArgs<T>& part, int64_t offset) {
      im2col(step.stream, part);
      Gemm<T> args = problem<T>();
      args.m = shape.filters;
      args.n = shape.filter_size();
      args.k = part.num_rows * pixels();
      args.a = constant(output_matrix<T>(grad_output, offset));
      args.transpose_a = true;
      args.b = constant(columns_matrix(part));
      args.beta = 1;
      args.c = weight_matrix<T>(grad_weight);
      gemm(step.stream, args);
    });
  }

  template <class T>
  void backward_input_columns(const Tensor& grad_output, const Variable::Target& grad_input) const {
    for_each_part<T>(grad_input.grad, [&](Im2colArgs<T> part, int64_t offset) {
      Gemm<T> args = problem<T>();
      args.m = part.num_rows * pixels();
      args.n = shape.filter_size();
      args.k = shape.filters;
      args.a = constant(output_matrix<T>(grad_output, offset));
      args.b = constant(weight_matrix<T>(weight.value()));
      args.c = columns_matrix(part);
      gemm(step.stream, args);
      part.accumulate = grad_input.accumulate;
      col2im(step.stream, part);
    });
  }
};

}  // namespace

Activations convolution(const Step& step, const Activations& any_input, const Variable& weight,
                        const ConvolutionOptions& options) {
  const ProfileRange range("convolution");
  const int64_t networks = step.args.num_networks;
  const ImageSize& size = any_input.size;
  ConvolutionShape shape{step.args.micro_batch, size.height,    size.width,     size.channels, 0,
                         options.kernel,        options.stride, options.padding};
  if (weight.value().num_axes() != 3) {
    throw ShapeError("convolution: weight must be [P={}, filters, {}], got {}", networks, shape.filter_size(),
                     to_string(weight.value().shape()));
  }
  shape.filters = weight.value().size(1);
  check_shape("convolution: weight", weight.value(), {networks, shape.filters, shape.filter_size()});
  check_shape("convolution: input", any_input.x.value(), {networks, step.args.micro_batch, padded(shape.input_size())});
  if (shape.height + 2 * shape.padding < shape.kernel || shape.width + 2 * shape.padding < shape.kernel) {
    throw ShapeError("convolution: expected an image of at least {} x {}, got {} x {}",
                     shape.kernel - 2 * shape.padding, shape.kernel - 2 * shape.padding, shape.height, shape.width);
  }
  if (options.method == ConvolutionMethod::kLibrary && step.dtype != DType::kF32) {
    throw InvalidArgument("convolution: expected f32 for the library, got {}", name(step.dtype));
  }
  const Tensor output = step.arena.zeros({networks, step.args.micro_batch, padded(shape.output_size())}, step.dtype);
  Operation operation{step, any_input.x, weight, shape, options.method};
  // A GPU has one layout; on the CPU either the library does all passes or none.
  const bool by_library = !step.is_for_gpu() && operation.uses_library(ConvolutionPass::kForward);
  const Activations input = by_library ? any_input : channels_last(step, any_input);
  operation.input = input.x;
  operation.input_layout = input.image_layout;
  if (by_library) operation.output_layout = library_layout(kCpu, shape);
  operation.forward(output);
  Variable result = Variable::result("convolution", output, {input.x, weight},
                                     [operation](const Variable& self) { operation.backward(self.grad()); });
  return {result,
          Layout::kSampleMajor,
          shape.output_size(),
          {shape.out_height(), shape.out_width(), shape.filters},
          operation.output_layout};
}

double convolution_seconds(Stream& stream, const ConvolutionCase& convolution, ConvolutionMethod method) {
  if (method == ConvolutionMethod::kAutomatic) {
    throw InvalidArgument("convolution_seconds: expected the library or a matrix product, got automatic");
  }
  const int64_t networks = convolution.num_networks;
  const ConvolutionShape& shape = convolution.shape;
  Arena arena(stream.device());
  Step step{stream, arena, {}};
  step.args.num_networks = networks;
  step.args.micro_batch = shape.batch;
  step.allow_tf32 = convolution.allow_tf32;
  const Tensor all =
      Tensor::from<uint8_t>(std::vector<uint8_t>(static_cast<size_t>(networks), 1), {networks}, stream.device());
  // Not zeros, which some hardware multiplies with less power.
  const auto operand = [&](Shape sizes, int64_t size) {
    Tensor tensor = arena.zeros(std::move(sizes), padded(size), DType::kF32);
    FillArgs<float> args;
    args.num_networks = networks;
    args.values = {tensor.data<float>(), padded(size)};
    args.num_elements = padded(size);
    args.value = 0.75f;
    args.selected = all.data<uint8_t>();
    fill(stream, args);
    return tensor;
  };
  const auto images = [&](int64_t size) {
    return operand({networks, shape.batch, padded(size)}, shape.batch * padded(size));
  };
  const Tensor x = images(shape.input_size());
  const Tensor y = images(shape.output_size());
  const Tensor weight = operand({networks, shape.filters, shape.filter_size()}, shape.filters * shape.filter_size());
  Operation operation{step, Variable::constant(x), Variable::constant(weight), shape, method};
  if (method == ConvolutionMethod::kLibrary) {  // in the middle of a network
    operation.output_layout = library_layout(stream.device(), shape);
    if (shape.channels % kChannelBlock == 0) operation.input_layout = operation.output_layout;
  }
  const auto run = [&] {
    switch (convolution.pass) {
      case ConvolutionPass::kForward:
        return operation.forward(y);
      case ConvolutionPass::kBackwardInput:
        return operation.backward_input(y, {x, false});
      case ConvolutionPass::kBackwardWeight:
        return operation.backward_weight(y, weight);
    }
  };
  run();  // allocates, plans and loads
  return replay_seconds(stream, run);
}

}  // namespace murmur
