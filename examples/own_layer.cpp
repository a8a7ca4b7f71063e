// A layer of one's own, made of the library's operations: `skip` adds to features what a linear layer makes of them.
// Once it is in the table, its word may stand in every specification.
#include <cstdio>
#include <exception>
#include <murmur/kernels/add.hpp>
#include <murmur/layers/operations.hpp>
#include <murmur/murmur.hpp>

namespace {

using namespace murmur;

/// target += source, or target = source.
void add_to(const Step& step, const Tensor& target, const Tensor& source, bool accumulate) {
  dispatch_dtype(step.dtype, [&](auto zero) {
    using T = decltype(zero);
    add(step.stream, AddArgs<T>{step.args.num_networks, source.network_size(), per_network<const T>(source),
                                per_network<T>(target), accumulate});
  });
}

/// output = a + b; both get its gradient. Shapes: features [P, padded F, m].
Variable sum(const Step& step, const Variable& a, const Variable& b) {
  check_shape("sum: b", b.value(), a.value().shape());
  const Tensor output = step.arena.zeros(a.value().shape(), step.dtype);
  add_to(step, output, a.value(), false);
  add_to(step, output, b.value(), true);
  return Variable::result("sum", output, {a, b}, [step, a, b](const Variable& self) {
    for (const Variable& input : {a, b}) {
      const Variable::Target target = input.grad_target(step.arena);
      add_to(step, target.grad, self.grad(), target.accumulate);
    }
  });
}

class Skip : public Module {
 public:
  std::string expects(const Position& position) const override {
    return position.is_flat ? "" : "flatten before a skip layer";
  }
  void declare(Declaration& declaration) override {
    const int64_t features = declaration.size().elements();
    const std::string name = declaration.numbered("skip");
    weight_ = declaration.add_kernel(name, {features, features}, places_in_order(features * features));
    bias_ = declaration.add_vector(name + ".bias", features);
    masks_.layer = declaration.next_layer();
    declaration.count_flops(2 * features * features);
  }
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const override {
    Activations x = linear(step, input, parameters.of(step, weight_));
    x = activation(step, x, parameters.of(step, bias_), masks_);
    x.x = sum(step, x.x, input.x);
    return x;
  }

 private:
  size_t weight_ = 0, bias_ = 0;
  LayerMasks masks_{};  // it has the noise of an activation, and no dropout
};

const ModuleInfo kSkip{"skip",
                       "skip",
                       "features + relu(weight features + bias)",
                       "flatten linear10 skip linear",
                       {5, 5, 1},
                       "",
                       [](WordReader& /*rest*/) -> std::unique_ptr<Module> { return std::make_unique<Skip>(); }};

}  // namespace

int main() try {
  add_module(kSkip);
  TrainerOptions options;
  options.device = parse_device("auto");
  const TrainingData data = training_data(load_dataset("fashion-mnist", ""), options.device);
  PopulationTrainer trainer(parse_model("flatten linear64 skip skip linear"), data, options);
  Setting setting;
  setting.set(Technique::kLearningRate, 0.05);
  trainer.start(0, {.seed = 1, .setting = setting, .num_epochs = 2});
  EpochResult result;
  while (result.epoch < 2) result = trainer.run_epoch().front();
  std::printf("%.4f on validation after %d epochs\n", result.validation_accuracy, static_cast<int>(result.epoch));
  return result.validation_accuracy > 0.7 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "example_own_layer: %s\n", error.what());
  return 1;
}
