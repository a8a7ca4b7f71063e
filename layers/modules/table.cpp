#include "murmur/layers/modules/table.hpp"

#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/layers/modules/rows.hpp"

namespace murmur {

namespace {

std::vector<const ModuleInfo*>& table() {
  static std::vector<const ModuleInfo*> rows{
      &kConv,    &kNorm,   &kPool,    &kAveragePool, &kGlobalPool, &kResidual,
      &kFlatten, &kLinear, &kDropout, &kLayernorm,   &kDepthwise,
  };
  return rows;
}

}  // namespace

std::span<const ModuleInfo* const> modules() {
  return table();
}

void add_module(const ModuleInfo& info) {
  for (const ModuleInfo* other : modules()) {
    if (info.word.starts_with(other->word) || other->word.starts_with(info.word)) {
      throw InvalidArgument("add_module: expected a word that no other begins with, got '{}' beside '{}'", info.word,
                            other->word);
    }
  }
  table().push_back(&info);
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
