#include "murmur/layers/modules/module.hpp"

namespace murmur {

std::string Module::expects(const Position& /*position*/) const {
  return "";
}

bool Module::join(Tail& /*before*/) const {
  return false;
}

Activations Module::forward(const Step& /*step*/, const Parameters& /*parameters*/,
                            const Activations& /*input*/) const {
  throw Error("module: expected to be part of the one before it");
}

}  // namespace murmur
