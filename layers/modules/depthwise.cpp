#include "murmur/kernels/depthwise.hpp"

#include "murmur/engine/profiling.hpp"
#include "murmur/layers/image_layout.hpp"
#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// Each channel by a filter of its own; no bias, which the next kernel adds.
/// Shapes: input sample-major images; weight [P, C, kernel x kernel]; the result has its channels last.
/// Grad:   d weight adds up; d input.
/// Throws: ShapeError.
Activations depthwise(const Step& step, const Activations& any_input, const Variable& weight,
                      const ConvolutionShape& shape) {
  const ProfileRange range("depthwise");
  const Activations input = channels_last(step, any_input);
  const int64_t networks = step.args.num_networks, rows = step.args.micro_batch;
  check_shape("depthwise: input", input.x.value(), {networks, rows, padded(shape.input_size())});
  check_shape("depthwise: weight", weight.value(), {networks, shape.channels, shape.kernel * shape.kernel});
  const Tensor output = step.arena.zeros({networks, rows, padded(shape.output_size())}, step.dtype);
  Variable result;
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    const DepthwiseArgs<T> args{networks, shape, per_network<const T>(input.x.value()),
                                per_network<const T>(weight.value()), per_network<T>(output)};
    depthwise_forward(step.stream, args);
    const auto backward = [step, args, x = input.x, weight](const Variable& self) {
      DepthwiseBackwardArgs<T> backward_args;
      backward_args.forward = args;
      backward_args.grad_output = per_network<const T>(self.grad());
      backward_args.grad_weight = per_network<T>(weight.grad());
      if (x.requires_grad()) {
        const Variable::Target target = x.grad_target(step.arena);
        backward_args.grad_input = per_network<T>(target.grad);
        backward_args.accumulate = target.accumulate;
      }
      depthwise_backward(step.stream, backward_args);
    };
    result = Variable::result("depthwise", output, {input.x, weight}, backward);
  });
  return {result, Layout::kSampleMajor, shape.output_size(), {shape.out_height(), shape.out_width(), shape.channels}};
}

/// depthwiseK[sS][pP]: depthwise convolution, bias, ReLU.
class Depthwise : public Module {
 public:
  explicit Depthwise(WordReader& word) {
    shape_.kernel = word.number("pixels of a kernel", 1, 64);
    shape_.stride = word.option("s", "pixels of a stride", 1, 64).value_or(1);
    shape_.padding = word.option("p", "pixels of padding", 0, 64).value_or(shape_.kernel / 2);
    tail_.takes_norm = tail_.takes_pooling = true;
  }

  std::string expects(const Position& position) const override {
    return position.is_flat ? "convolutions before flatten" : "";
  }
  void declare(Declaration& declaration) override {
    const int64_t kernel = shape_.kernel;
    declaration.expect_image(kernel - 2 * shape_.padding, kernel - 2 * shape_.padding);
    const ImageSize in = declaration.size();
    shape_.height = in.height;
    shape_.width = in.width;
    shape_.channels = shape_.filters = in.channels;
    const std::string name = declaration.numbered("depthwise");
    weight_ = declaration.add_kernel(name, {in.channels, 1, kernel, kernel},
                                     places_in_order(in.channels * kernel * kernel), kernel * kernel);
    bias_ = declaration.add_vector(name + ".bias", in.channels);
    tail_.options.masks.layer = declaration.next_layer();
    declaration.count_flops(2 * shape_.output_size() * kernel * kernel);
    declaration.set_image({shape_.out_height(), shape_.out_width(), in.channels});
  }
  Tail* tail() override { return &tail_; }
  bool has_masked_input() const override { return true; }
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const override {
    ConvolutionShape shape = shape_;
    shape.batch = step.args.micro_batch;
    const Activations x = depthwise(step, input, parameters.of(step, weight_), shape);
    return finish_images(step, parameters, x, bias_, tail_);
  }

 private:
  ConvolutionShape shape_;
  size_t weight_ = 0, bias_ = 0;
  Tail tail_;
};

std::unique_ptr<Module> parse_depthwise(WordReader& rest) {
  return std::make_unique<Depthwise>(rest);
}

}  // namespace

const ModuleInfo kDepthwise{"depthwise",
                            "depthwiseK[sS][pP]",
                            "a filter of K x K for each channel, stride S (1), padding P (K / 2)",
                            "conv3k1 depthwise3 norm pool dropout depthwise2s2p1 dropout flatten linear",
                            {6, 5, 2},
                            "depthwise5p0 flatten linear",
                            parse_depthwise};

}  // namespace murmur
