#include "murmur/layers/image_layout.hpp"

#include "murmur/kernels/add.hpp"
#include "murmur/kernels/reorder.hpp"

namespace murmur {
namespace {

struct Images {
  Tensor tensor;
  ImageLayout layout;
};

/// Writes to `target`, which has the other layout.
void reorder_images(const Step& step, const ImageSize& size, const Images& source, const Tensor& target) {
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    reorder(step.stream, ReorderArgs<T>{step.args.num_networks, step.args.micro_batch, size, source.layout,
                                        per_network<const T>(source.tensor), per_network<T>(target)});
  });
}

void add_to(const Step& step, const Tensor& part, const Tensor& target) {
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    add(step.stream,
        AddArgs<T>{step.args.num_networks, part.network_size(), per_network<const T>(part), per_network<T>(target)});
  });
}

}  // namespace

Activations channels_last(const Step& step, const Activations& images) {
  Activations result = images;
  result.image_layout = ImageLayout::kChannelsLast;
  const bool is_same = images.size.height * images.size.width == 1;
  if (images.image_layout == ImageLayout::kChannelsLast || is_same) return result;
  const Tensor output = step.arena.zeros(images.x.value().shape(), step.dtype);
  reorder_images(step, images.size, {images.x.value(), ImageLayout::kChannelBlocks}, output);
  result.x = Variable::result("channels_last", output, {images.x},
                              [step, x = images.x, size = images.size](const Variable& self) {
                                const Variable::Target target = x.grad_target(step.arena);
                                const Images grad{self.grad(), ImageLayout::kChannelsLast};
                                if (!target.accumulate) return reorder_images(step, size, grad, target.grad);
                                const Tensor part = step.arena.scratch(target.grad.shape(), step.dtype);
                                reorder_images(step, size, grad, part);
                                add_to(step, part, target.grad);
                              });
  return result;
}

}  // namespace murmur
