#include <optional>

#include "murmur/layers/modules/convolution_part.hpp"
#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// residualN[sS]: two convolutions with batch norms, and what came in added before the last ReLU.
class Residual : public Module {
 public:
  explicit Residual(WordReader& word) {
    first_.filters = second_.filters = word.number("filters", 1, kMaxLayerSize);
    first_.options.stride = word.option("s", "pixels of a stride", 1, 64).value_or(1);
    first_.norm = second_.norm = true;
    first_.tail.options.masks.next_input = true;
  }

  std::string expects(const Position& position) const override {
    return position.is_flat ? "convolutions before flatten" : "";
  }
  void declare(Declaration& declaration) override {
    const std::string name = declaration.numbered("residual");
    const ImageSize in = declaration.size();
    first_.declare(declaration, name + ".conv1", name + ".norm1");
    second_.declare(declaration, name + ".conv2", name + ".norm2");
    const ImageSize out = declaration.size();
    if (out.height == in.height && out.width == in.width && out.channels == in.channels) return;
    projection_.emplace();
    projection_->filters = first_.filters;
    projection_->options = {1, first_.options.stride, 0};
    projection_->norm = true;
    projection_->tail.options.relu = false;
    declaration.set_image(in);
    projection_->declare(declaration, name + ".projection", name + ".projection_norm");
  }
  Tail* tail() override { return &second_.tail; }
  bool has_masked_input() const override { return true; }
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const override {
    const Activations inner = first_.forward(step, parameters, input);
    if (!projection_) return second_.forward(step, parameters, inner, &input);
    const Activations projected = projection_->forward(step, parameters, input);
    return second_.forward(step, parameters, inner, &projected);
  }

 private:
  ConvolutionPart first_, second_;
  std::optional<ConvolutionPart> projection_;  // where the shape changes
};

std::unique_ptr<Module> parse_residual(WordReader& rest) {
  return std::make_unique<Residual>(rest);
}

}  // namespace

const ModuleInfo kResidual{
    "residual",
    "residualN[sS]",
    "convNsSn convNn with what came in added before the last ReLU (through a 1 x 1 convolution and a batch norm where "
    "its shape changes)",
    "conv4n avgpool residual4 residual6s2 dropout globalpool flatten linear",
    {6, 6, 2},
    "",
    parse_residual};

}  // namespace murmur
