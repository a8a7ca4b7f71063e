#include "murmur/layers/modules/convolution_part.hpp"

namespace murmur {

void read_kernel(WordReader& word, ConvolutionOptions& options) {
  options.kernel = word.option("k", "pixels of a kernel", 1, 64).value_or(3);
  options.stride = word.option("s", "pixels of a stride", 1, 64).value_or(1);
  options.padding = word.option("p", "pixels of padding", 0, 64).value_or(options.kernel / 2);
}

void ConvolutionPart::declare(Declaration& declaration, const std::string& name, const std::string& norm_name) {
  const int64_t smallest = options.kernel - 2 * options.padding;
  declaration.expect_image(smallest, smallest);
  const ImageSize in = declaration.size();
  const ConvolutionShape shape{1,       in.height,      in.width,       in.channels,
                               filters, options.kernel, options.stride, options.padding};
  weight = declaration.add_kernel(name, {filters, in.channels, options.kernel, options.kernel},
                                  places_of_filters(filters, in.channels, options.kernel),
                                  filters * options.kernel * options.kernel);
  bias = declaration.add_vector(name + ".bias", filters);
  tail.options.masks.layer = declaration.next_layer();
  if (norm) {
    tail.norm = declaration.add_norm(norm_name, filters);
    tail.options.norm = NormOrder::kBeforeRelu;
  }
  declaration.count_flops(2 * shape.out_height() * shape.out_width() * filters * shape.filter_size());
  declaration.set_image({shape.out_height(), shape.out_width(), filters});
}

Activations ConvolutionPart::forward(const Step& step, const Parameters& parameters, const Activations& input,
                                     const Activations* residual) const {
  const Activations x = convolution(step, input, parameters.of(step, weight), options);
  return finish_images(step, parameters, x, bias, tail, residual);
}

}  // namespace murmur
