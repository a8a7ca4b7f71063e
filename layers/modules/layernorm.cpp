#include "murmur/kernels/layernorm.hpp"

#include "murmur/engine/profiling.hpp"
#include "murmur/layers/image_layout.hpp"
#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// Layer norm of each sample, out of place.
/// Shapes: input feature-major or sample-major images (their channels come last in the result); gamma, beta [P, padded
/// features], of images [P, padded C].
/// Grad:   d input; d gamma and d beta add up.
/// Throws: ShapeError.
Activations layernorm(const Step& step, const Activations& any_input, const Variable& gamma, const Variable& beta) {
  const ProfileRange range("layernorm");
  Activations result = channels_last(step, any_input);
  const Variable input = result.x;
  const bool images = result.layout == Layout::kSampleMajor;
  const int64_t channels = images ? result.size.channels : result.num_features;
  const int64_t networks = step.args.num_networks, rows = step.args.micro_batch;
  const int64_t width = padded(result.num_features);
  check_shape("layernorm: input", input.value(), images ? Shape{networks, rows, width} : Shape{networks, width, rows});
  check_shape("layernorm: gamma", gamma.value(), {networks, padded(channels)});
  check_shape("layernorm: beta", beta.value(), {networks, padded(channels)});
  const Tensor output = step.arena.zeros(input.value().shape(), step.dtype);
  const Tensor saved = step.arena.zeros({networks, 2, rows}, step.dtype);
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    const LayernormArgs<T> args{networks,
                                rows,
                                result.num_features,
                                channels,
                                images,
                                per_network<const T>(input.value()),
                                per_network<const T>(gamma.value()),
                                per_network<const T>(beta.value()),
                                per_network<T>(output),
                                per_network<T>(saved)};
    layernorm_forward(step.stream, args);
    const auto backward = [step, args, input, gamma, beta, saved](const Variable& self) {
      const Variable::Target target = input.grad_target(step.arena);
      const LayernormBackwardArgs<T> backward_args{args,
                                                   per_network<const T>(self.grad()),
                                                   per_network<T>(target.grad),
                                                   target.accumulate,
                                                   per_network<T>(gamma.grad()),
                                                   per_network<T>(beta.grad())};
      layernorm_backward(step.stream, backward_args);
    };
    result.x = Variable::result("layernorm", output, {input, gamma, beta}, backward);
  });
  return result;
}

class Layernorm : public Module {
 public:
  std::string expects(const Position& position) const override {
    return position.tail != nullptr ? "" : "layernorm after a convolution, a pooling or a linear layer with a size";
  }
  void declare(Declaration& declaration) override {
    const std::string name = declaration.numbered("layernorm");
    const int64_t channels = declaration.size().channels;
    gamma_ = declaration.add_vector(name + ".weight", channels, 1);
    beta_ = declaration.add_vector(name + ".bias", channels);
  }
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const override {
    return layernorm(step, input, parameters.of(step, gamma_), parameters.of(step, beta_));
  }

 private:
  size_t gamma_ = 0, beta_ = 0;
};

std::unique_ptr<Module> parse_layernorm(WordReader& /*rest*/) {
  return std::make_unique<Layernorm>();
}

}  // namespace

const ModuleInfo kLayernorm{"layernorm",
                            "layernorm",
                            "each sample's features to mean 0 and deviation 1, then a learned scale and shift; of "
                            "images over all elements, a scale and shift a channel",
                            "conv3 layernorm dropout flatten linear6 layernorm dropout linear5 layernorm linear",
                            {5, 4, 2},
                            "",
                            parse_layernorm};

}  // namespace murmur
