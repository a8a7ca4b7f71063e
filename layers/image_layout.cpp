#include "layers/image_layout.hpp"

namespace murmur {
namespace {

Tensor reordered(const Step& step, const Tensor& source, const noise::ImageSize& size, ImageLayout from) {
  const Tensor target = step.arena.zeros(source.shape(), step.dtype);
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    reorder(step.stream, ReorderArgs<T>{step.args.num_networks, step.args.micro_batch, size, from, source.data<T>(),
                                        source.network_stride(), target.data<T>(), target.network_stride()});
  });
  return target;
}

}  // namespace

Activations channels_last(const Step& step, const Activations& images) {
  Activations result = images;
  result.image_layout = ImageLayout::kChannelsLast;
  const bool is_same = images.size.height * images.size.width == 1;
  if (images.image_layout == ImageLayout::kChannelsLast || is_same) return result;
  const Tensor output = reordered(step, images.x.value(), images.size, ImageLayout::kChannelBlocks);
  result.x = Variable::result("channels_last", output, {images.x},
                              [step, x = images.x, size = images.size](const Variable& self) {
                                if (x.requires_grad())
                                  x.take_grad(reordered(step, self.grad(), size, ImageLayout::kChannelsLast));
                              });
  return result;
}

}  // namespace murmur
