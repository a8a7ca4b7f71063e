#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"
#include "murmur/layers/operations.hpp"

namespace murmur {
namespace {

/// linearN: product, bias, ReLU; without N the last layer, whose bias is left to the loss.
class Linear : public Module {
 public:
  explicit Linear(WordReader& word) : features_(word.done() ? 0 : word.number("features", 1, kMaxLayerSize)) {}

  std::string expects(const Position& position) const override {
    if (!position.is_flat) return "flatten before the first linear layer";
    return makes_logits() && !position.is_last ? "a size for every linear layer but the last" : "";
  }
  void declare(Declaration& declaration) override {
    const int64_t in = declaration.size().elements();
    const int64_t out = makes_logits() ? declaration.num_classes() : features_;
    const std::string name = declaration.numbered("linear");
    weight_ = declaration.add_kernel(name, {out, in}, places_behind_flatten(out, declaration.flattened()));
    bias_ = declaration.add_vector(name + ".bias", out);
    tail_.options.masks.layer = declaration.next_layer();
    declaration.count_flops(2 * in * out);
    declaration.set_features(out);
  }
  Tail* tail() override { return makes_logits() ? nullptr : &tail_; }
  bool has_masked_input() const override { return !makes_logits(); }
  bool makes_logits() const override { return features_ == 0; }
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const override {
    Activations x = linear(step, input, parameters.of(step, weight_));
    const Variable& bias = parameters.of(step, bias_);
    if (makes_logits()) {
      x.bias = bias;
      return x;
    }
    return activation(step, x, bias, tail_.options_of(step).masks);
  }

 private:
  int64_t features_;
  size_t weight_ = 0, bias_ = 0;
  Tail tail_;
};

std::unique_ptr<Module> parse_linear(WordReader& rest) {
  return std::make_unique<Linear>(rest);
}

}  // namespace

const ModuleInfo kLinear{"linear",
                         "linear[N]",
                         "N features; without N the last layer, one output a class",
                         "flatten linear10 dropout linear7 linear",
                         {5, 5, 1},
                         "",
                         parse_linear};

}  // namespace murmur
