#include "murmur/layers/modules/table.hpp"

#include <array>

namespace murmur {

// A module is a file beside this one, which defines its row.
extern const ModuleInfo kConv;
extern const ModuleInfo kNorm;
extern const ModuleInfo kPool, kAveragePool, kGlobalPool;
extern const ModuleInfo kResidual;
extern const ModuleInfo kFlatten;
extern const ModuleInfo kLinear;
extern const ModuleInfo kDropout;
extern const ModuleInfo kLayernorm;
extern const ModuleInfo kDepthwise;

std::span<const ModuleInfo* const> modules() {
  static constexpr std::array kModules{
      &kConv,    &kNorm,   &kPool,    &kAveragePool, &kGlobalPool, &kResidual,
      &kFlatten, &kLinear, &kDropout, &kLayernorm,   &kDepthwise,
  };
  return kModules;
}

std::unique_ptr<Module> make_module(const std::string& word) {
  for (const ModuleInfo* info : modules()) {
    WordReader reader(word);
    if (!reader.take(info->word)) continue;
    std::unique_ptr<Module> module = info->parse(reader);
    if (reader.done()) return module;
  }
  return nullptr;
}

}  // namespace murmur
