#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// The batch norm after the ReLU of a convolution, always a part of that one's kernels.
class Norm : public Module {
 public:
  std::string expects(const Position& position) const override {
    const bool fits = position.tail != nullptr && position.tail->takes_norm;
    return fits ? "" : "norm after a convolution without a norm of its own";
  }
  void declare(Declaration& declaration) override {
    parameters_ = declaration.add_norm(declaration.numbered("norm"), declaration.size().channels);
  }
  bool join(Tail& before) const override {
    if (!before.takes_norm) return false;
    before.takes_norm = false;
    before.norm = parameters_;
    before.options.norm = NormOrder::kAfterRelu;
    return true;
  }

 private:
  NormParameters parameters_;
};

std::unique_ptr<Module> parse_norm(WordReader& /*rest*/) {
  return std::make_unique<Norm>();
}

}  // namespace

const ModuleInfo kNorm{"norm",
                       "norm",
                       "batch norm after the ReLU of the convolution before it",
                       "conv3 norm pool dropout conv4k2p0 norm dropout flatten linear",
                       {5, 7, 1},
                       "",
                       parse_norm};

}  // namespace murmur
