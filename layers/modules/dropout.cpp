#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// Where dropout acts: in the kernels of the module before it.
class Dropout : public Module {
 public:
  std::string expects(const Position& position) const override {
    const bool fits = position.tail != nullptr && position.tail->takes_dropout;
    return fits ? "" : "dropout after a convolution, a pooling or a linear layer with a size";
  }
  void declare(Declaration& /*declaration*/) override {}
  bool join(Tail& before) const override {
    if (!before.takes_dropout) return false;
    before.takes_norm = before.takes_pooling = before.takes_dropout = false;
    before.options.masks.dropout = true;
    return true;
  }
};

std::unique_ptr<Module> parse_dropout(WordReader& /*rest*/) {
  return std::make_unique<Dropout>();
}

}  // namespace

const ModuleInfo kDropout{"dropout",
                          "dropout",
                          "where dropout acts, after a convolution, a pooling or a linear layer",
                          "conv3 dropout conv4k2p0 dropout flatten linear6 dropout linear",
                          {6, 6, 2},
                          "",
                          parse_dropout};

}  // namespace murmur
