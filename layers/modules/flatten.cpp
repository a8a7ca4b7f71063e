#include "murmur/layers/modules/module.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {
namespace {

/// From here on a sample is a list of features: where images have their channels last, nothing moves.
class Flatten : public Module {
 public:
  std::string expects(const Position& position) const override { return position.is_flat ? "one flatten" : ""; }
  void declare(Declaration& declaration) override { declaration.flatten(); }
  bool runs() const override { return false; }
};

std::unique_ptr<Module> parse_flatten(WordReader& /*rest*/) {
  return std::make_unique<Flatten>();
}

}  // namespace

const ModuleInfo kFlatten{"flatten",
                          "flatten",
                          "from images to features: convolutions and pooling come before it, linear layers after it",
                          "flatten linear",
                          {3, 3, 2},
                          "",
                          parse_flatten};

}  // namespace murmur
