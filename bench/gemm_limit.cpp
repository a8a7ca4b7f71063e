#include "bench/gemm_limit.hpp"

#include <cmath>

#include "bench/common.hpp"
#include "murmur/engine/cpu/host.hpp"
#include "murmur/engine/quad.hpp"

namespace murmur::bench {
namespace {

Matrix<float> matrix(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.shape().back(), tensor.network_stride()};
}

Matrix<const float> operand(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.shape().back(), tensor.network_stride()};
}

}  // namespace

std::vector<int64_t> linear_features(const ModelSpecification& model, int64_t sample_size, int64_t num_classes) {
  for (const std::string& word : model.words) {
    if (word != "flatten" && word != "dropout" && !word.starts_with("linear")) return {};
  }
  std::vector<int64_t> features{sample_size};
  const Model one(model, {1, 1, sample_size}, num_classes, kCpu, DType::kF32, 1);
  for (const NamedTensor& tensor : one.named_tensors()) {
    if (tensor.shape.size() == 2) features.push_back(tensor.shape[0]);
  }
  return features;
}

GemmLimit::GemmLimit(const std::vector<int64_t>& features, const TrainerOptions& options)
    : options_(options), stream_(make_stream(options.device, options.num_threads)) {
  const int64_t networks = options.num_networks;
  const int64_t rows = options.micro_batch;
  const size_t num_layers = features.size() - 1;
  std::vector<size_t> kernels;
  for (size_t i = 0; i < num_layers; ++i) {
    kernels.push_back(parameters_.add_kernel(features[i + 1], features[i]));
    parameters_.add_vector(features[i + 1]);
  }
  parameters_.allocate(options.device, DType::kF32, networks, false);
  for (size_t i = 0; i < num_layers; ++i) {
    // A scale that keeps activations and gradients near 1, however deep the model is.
    const Tensor& target = parameters_[kernels[i]].value();
    const double scale = 1 / std::sqrt(static_cast<double>(features[i]));
    const Tensor values = random_tensor(target.shape(), DType::kF32, kCpu, 2 + i, scale);
    target.copy_from_host(values.raw(), values.num_elements() * size_bytes(DType::kF32));
  }
  for (size_t i = 0; i < num_layers; ++i) {
    const Shape input =
        i == 0 ? Shape{networks, rows, padded(features[0])} : Shape{networks, padded(features[i]), rows};
    const Shape output{networks, padded(features[i + 1]), rows};
    activations_.push_back(random_tensor(input, DType::kF32, options.device, 200 + i));
    grads_.push_back(random_tensor(output, DType::kF32, options.device, 100 + i, 0.01));
  }
  const Tensor logits = Tensor::zeros(grads_.back().shape(), DType::kF32, options.device);
  activations_.push_back(logits);

  const auto add_products = [&] {
    flops_ = 0;
    add_forward(features, kernels);
    add_backward(features, kernels);
  };
  if (options.device.is_cuda())
    add_products();  // cuBLAS loads its kernels and asks its heuristics outside of a capture
  Capture capture(*stream_);
  add_products();
  graph_ = capture.finish();
}

GemmLimit::~GemmLimit() = default;

void GemmLimit::add_forward(const std::vector<int64_t>& features, const std::vector<size_t>& kernels) {
  for (size_t i = 0; i < kernels.size(); ++i) {
    Gemm<float> forward;
    forward.m = features[i + 1];
    forward.n = options_.micro_batch;
    forward.k = features[i];
    forward.a = operand(parameters_[kernels[i]].value());
    forward.b = operand(activations_[i]);
    forward.transpose_b = i == 0;
    forward.c = matrix(activations_[i + 1]);
    add(forward);
  }
}

void GemmLimit::add_backward(const std::vector<int64_t>& features, const std::vector<size_t>& kernels) {
  const int64_t rows = options_.micro_batch;
  for (size_t i = kernels.size(); i-- > 0;) {
    Gemm<float> weight;
    weight.m = features[i + 1];
    weight.n = features[i];
    weight.k = rows;
    weight.a = operand(grads_[i]);
    weight.b = operand(activations_[i]);
    weight.transpose_b = i > 0;
    weight.beta = 1;
    weight.c = matrix(parameters_[kernels[i]].grad());
    add(weight);
    if (i == 0) break;
    Gemm<float> input;
    input.m = features[i];
    input.n = rows;
    input.k = features[i + 1];
    input.a = operand(parameters_[kernels[i]].value());
    input.transpose_a = true;
    input.b = operand(grads_[i]);
    input.c = matrix(grads_[i - 1]);
    add(input);
  }
}

void GemmLimit::add(Gemm<float> args) {
  args.num_networks = options_.num_networks;
  args.allow_tf32 = options_.allow_tf32;
  flops_ += 2.0 * static_cast<double>(args.num_networks) * static_cast<double>(args.m * args.n * args.k);
  gemm(*stream_, args);
}

double GemmLimit::run(int64_t num_ticks) {
  return time_seconds([&] {
    graph_->launch(num_ticks);
    stream_->synchronize();
  });
}

double large_gemm_flops_per_second(const TrainerOptions& options) {
  const bool cuda = options.device.is_cuda();
  const int64_t n = cuda ? 8192 : 1024;
  const int64_t count = cuda ? 1 : (options.num_threads > 0 ? options.num_threads : cpu::num_cores());
  const auto stream = make_stream(options.device, options.num_threads);
  const Tensor a = random_tensor({count, n, n}, DType::kF32, options.device, 5);
  const Tensor b = random_tensor({count, n, n}, DType::kF32, options.device, 6);
  const Tensor c = Tensor::zeros({count, n, n}, DType::kF32, options.device);
  Gemm<float> args;
  args.num_networks = count;
  args.m = args.n = args.k = n;
  args.a = operand(a);
  args.b = operand(b);
  args.c = matrix(c);
  args.allow_tf32 = options.allow_tf32;
  std::vector<double> seconds;
  for (int i = 0; i < 6; ++i) {
    seconds.push_back(time_seconds([&] {
      gemm(*stream, args);
      stream->synchronize();
    }));
  }
  seconds.erase(seconds.begin());  // the first one warms up
  return 2.0 * static_cast<double>(count) * std::pow(static_cast<double>(n), 3) / median(seconds);
}

}  // namespace murmur::bench
