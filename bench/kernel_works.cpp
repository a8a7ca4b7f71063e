#include "bench/kernel_works.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "bench/reference.hpp"
#include "murmur/kernels/activation.hpp"
#include "murmur/kernels/input.hpp"
#include "murmur/kernels/loss.hpp"
#include "murmur/kernels/update.hpp"
#include "murmur/layers/parameters.hpp"

namespace murmur::bench {
namespace {

constexpr ImageSize kImageSize{28, 28, 1};
constexpr int64_t kSampleSize = 28 * 28;
constexpr int64_t kHidden = 50;
constexpr int64_t kClasses = 10;
constexpr int64_t kNumImages = 48000;

int64_t padded(int64_t n) {
  return 4 * num_quads(n);
}

double count(int64_t a, int64_t b, int64_t c) {
  return static_cast<double>(a) * static_cast<double>(b) * static_cast<double>(c);
}

/// A second moment of Adam is never negative.
Tensor squares(const Tensor& tensor) {
  std::vector<float> values = tensor.to_vector<float>();
  for (float& value : values) value *= value;
  return Tensor::from<float>(values, tensor.shape(), tensor.device());
}

/// What both directions of the activation kernel work on.
struct ActivationBuffers {
  ActivationBuffers(Bed& bed, const std::vector<Value>& on)
      : networks(bed, on),
        x(bed, {bed.num_networks, padded(kHidden), bed.micro_batch}, 1, 1),
        grad(bed, {bed.num_networks, padded(kHidden), bed.micro_batch}, 2, 1),
        bias(random_tensor({bed.num_networks, padded(kHidden)}, DType::kF32, bed.device, 3, 0.1)),
        grad_bias(Tensor::zeros({bed.num_networks, padded(kHidden)}, DType::kF32, bed.device)) {}

  ActivationArgs<float> args() const {
    ActivationArgs<float> result;
    result.step = networks.step();
    result.num_features = kHidden;
    result.masks = {1, true, true};
    result.x = per_network<float>(x.tensor());
    result.bias = per_network<const float>(bias);
    return result;
  }

  Networks networks;
  Restored x, grad;
  Tensor bias, grad_bias;
};

}  // namespace

Work input_work(Bed& bed, const Variant& variant) {
  struct Buffers {
    Networks networks;
    Tensor images, labels, output, targets;
  };
  const auto buffers = std::make_shared<Buffers>(
      Buffers{Networks(bed, variant.on), random_tensor({kNumImages, kSampleSize}, DType::kU8, bed.device, 1),
              Tensor::zeros({kNumImages}, DType::kU8, bed.device),
              Tensor::zeros({bed.num_networks, bed.micro_batch, kSampleSize}, DType::kF32, bed.device),
              Tensor::zeros({bed.num_networks, bed.micro_batch}, DType::kI32, bed.device)});
  InputArgs<float> args;
  args.step = buffers->networks.step();
  args.images = buffers->images.data<uint8_t>();
  args.labels = buffers->labels.data<uint8_t>();
  args.size = kImageSize;
  args.mask_input = true;
  args.output = per_network<float>(buffers->output);
  args.targets = buffers->targets.data<int32_t>();
  Work work;
  work.launch = [&bed, buffers, args](int) { input_forward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kSampleSize);
  work.num_bytes = 5 * work.num_elements + count(bed.num_networks, bed.micro_batch, 5);
  return work;
}

Work activation_forward_work(Bed& bed, const Variant& variant) {
  const auto buffers = std::make_shared<ActivationBuffers>(bed, variant.on);
  Work work;
  work.prepare = [&bed, buffers] { buffers->x.restore(bed); };
  work.launch = [&bed, buffers, args = buffers->args()](int) { activation_forward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kHidden);
  work.num_bytes = 8 * work.num_elements;
  return work;
}

Work activation_backward_work(Bed& bed, const Variant& variant) {
  const auto buffers = std::make_shared<ActivationBuffers>(bed, variant.on);
  buffers->x.restore(bed);
  ActivationBackwardArgs<float> args;
  args.forward = buffers->args();
  args.grad = buffers->grad.tensor().data<float>();
  args.grad_bias = buffers->grad_bias.data<float>();
  Work work;
  work.prepare = [&bed, buffers] { buffers->grad.restore(bed); };
  work.launch = [&bed, buffers, args](int) { activation_backward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kHidden);
  work.num_bytes = 12 * work.num_elements;
  return work;
}

Work loss_work(Bed& bed, const Variant& variant) {
  struct Buffers {
    Networks networks;
    Tensor logits, grad, bias, grad_bias, targets;
  };
  const Shape shape{bed.num_networks, padded(kClasses), bed.micro_batch};
  const Shape bias_shape{bed.num_networks, padded(kClasses)};
  std::vector<int32_t> targets(static_cast<size_t>(bed.num_networks * bed.micro_batch));
  for (size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<int32_t>(i * 7919 % kClasses);
  const auto buffers = std::make_shared<Buffers>(
      Buffers{Networks(bed, variant.on), random_tensor(shape, DType::kF32, bed.device, 1),
              Tensor::zeros(shape, DType::kF32, bed.device), random_tensor(bias_shape, DType::kF32, bed.device, 2),
              Tensor::zeros(bias_shape, DType::kF32, bed.device),
              Tensor::from<int32_t>(targets, {bed.num_networks, bed.micro_batch}, bed.device)});
  LossArgs<float> args;
  args.step = buffers->networks.step();
  args.num_classes = kClasses;
  args.logits = per_network<float>(buffers->logits);
  args.bias = per_network<const float>(buffers->bias);
  args.targets = buffers->targets.data<int32_t>();
  args.grad = buffers->grad.data<float>();
  args.grad_bias = buffers->grad_bias.data<float>();
  Work work;
  work.launch = [&bed, buffers, args](int) { loss_forward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kClasses);
  work.num_bytes = 8 * work.num_elements + count(bed.num_networks, bed.micro_batch, 4);
  return work;
}

Work update_work(Bed& bed, const Variant& variant, int moments) {
  struct Buffers {
    Networks networks;
    Restored weight, moment1, moment2;
    std::vector<Restored> grads;
  };
  Parameters layout;  // of fc
  for (const auto& [out, in] : {std::pair{kHidden, kSampleSize}, std::pair{kHidden, kHidden}, {kClasses, kHidden}}) {
    layout.add_kernel(out, in);
    layout.add_vector(out);
  }
  const Shape shape{bed.num_networks, layout.stride()};
  std::vector<Restored> grads;
  for (int i = 0; i < (bed.device.is_cuda() ? bed.num_launches() : 1); ++i) {
    grads.emplace_back(bed, shape, static_cast<uint64_t>(10 + i), 0.01);
  }
  const auto buffers = std::make_shared<Buffers>(
      Buffers{Networks(bed, variant.on), Restored(bed, shape, 1, 0.05), Restored(bed, shape, 2, 0.01),
              Restored(squares(random_tensor(shape, DType::kF32, bed.device, 3, 0.01))), std::move(grads)});
  UpdateArgs<float> args;
  args.step = buffers->networks.step();
  args.weight = buffers->weight.tensor().data<float>();
  args.moment1 = buffers->moment1.tensor().data<float>();
  args.moment2 = buffers->moment2.tensor().data<float>();
  args.stride = layout.stride();
  Work work;
  work.prepare = [&bed, buffers] {
    for (const Restored& grad : buffers->grads) grad.restore(bed);
    for (const Restored* other : {&buffers->weight, &buffers->moment1, &buffers->moment2}) other->restore(bed);
  };
  work.launch = [&bed, buffers, args](int index) mutable {
    args.grad = buffers->grads[static_cast<size_t>(index) % buffers->grads.size()].tensor().data<float>();
    update(*bed.stream, args);
  };
  work.num_elements = count(bed.num_networks, layout.num_parameters(), 1);
  work.num_bytes = (16 + 8 * moments) * work.num_elements;
  return work;
}

Work normals_work(Bed& bed, bool seven_rounds, bool fast) {
  NormalsArgs args;
  args.num_tiles = bed.device.is_cuda() ? 1 << 14 : 16;
  args.quads_per_lane = 64;
  args.seed = 1;
  args.seven_rounds = seven_rounds;
  args.fast = fast;
  const Tensor sums = Tensor::zeros({1, 4 * args.num_tiles * NormalsArgs::kLanes}, DType::kF32, bed.device);
  args.sums = as_quads(sums.data<float>());
  Work work;
  work.launch = [&bed, sums, args](int) { normals(*bed.stream, args); };
  work.num_elements = static_cast<double>(args.num_normals());
  work.num_launches = 4;
  return work;
}

Work copy_work(Bed& bed) {
  const int64_t elements = bed.device.is_cuda() ? int64_t{1} << 28 : int64_t{1} << 26;
  const Tensor source = random_tensor({1, elements}, DType::kF32, bed.device, 1);
  const Tensor target = Tensor::zeros({1, elements}, DType::kF32, bed.device);
  Work work;
  work.launch = [&bed, source, target, elements](int) {
    copy(*bed.stream, {as_quads(source.data<float>()), as_quads(target.data<float>()), elements / 4});
  };
  work.num_elements = static_cast<double>(elements);
  work.num_launches = 2;
  work.num_bytes = 8 * work.num_elements;
  return work;
}

double measure_copy(Bed& bed) {
  const Work work = copy_work(bed);
  std::vector<double> seconds;
  for (int i = 0; i < 6; ++i) {
    seconds.push_back(time_seconds([&] {
      work.launch(i);
      bed.stream->synchronize();
    }));
  }
  seconds.erase(seconds.begin());  // the first one warms up
  return work.num_bytes / median(seconds);
}

}  // namespace murmur::bench
