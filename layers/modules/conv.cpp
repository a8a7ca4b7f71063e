#include "murmur/layers/modules/convolution_part.hpp"
#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// convN[kK][sS][pP][n]: convolution, bias, (batch norm,) ReLU.
class Conv : public Module {
 public:
  explicit Conv(WordReader& word) {
    part_.filters = word.number("filters", 1, kMaxLayerSize);
    read_kernel(word, part_.options);
    part_.norm = word.take("n");
    part_.tail.takes_norm = part_.tail.takes_pooling = !part_.norm;
  }

  std::string expects(const Position& position) const override {
    return position.is_flat ? "convolutions before flatten" : "";
  }
  void declare(Declaration& declaration) override {
    const std::string name = declaration.numbered("conv");
    part_.declare(declaration, name, part_.norm ? declaration.numbered("norm") : "");
  }
  Tail* tail() override { return &part_.tail; }
  bool has_masked_input() const override { return true; }
  Activations forward(const Step& step, const Parameters& parameters, const Activations& input) const override {
    return part_.forward(step, parameters, input);
  }

 private:
  ConvolutionPart part_;
};

std::unique_ptr<Module> parse_conv(WordReader& rest) {
  return std::make_unique<Conv>(rest);
}

}  // namespace

const ModuleInfo kConv{"conv",
                       "convN[kK][sS][pP][n]",
                       "N filters of K x K (3), stride S (1), padding P (K / 2); n: batch norm before the ReLU",
                       "conv3k3s2p0 dropout conv4k1n flatten linear",
                       {7, 5, 3},
                       "conv3k5p0 flatten linear",
                       parse_conv};

}  // namespace murmur
