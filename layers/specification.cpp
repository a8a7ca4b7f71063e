#include "murmur/layers/specification.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <sstream>
#include <utility>

#include "murmur/layers/modules/table.hpp"

namespace murmur {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kModels{{
    {"fc", "flatten linear50 dropout linear50 dropout linear"},
    {"vgg3",
     "conv32 norm conv32 norm pool dropout conv64 norm conv64 norm pool dropout "
     "conv128 norm conv128 norm pool dropout flatten linear128 dropout linear"},
    {"lenet5", "conv6k5 pool dropout conv16k5p0 pool dropout flatten linear120 dropout linear84 dropout linear"},
    {"resnet8", "conv16n residual16 residual32s2 residual64s2 globalpool dropout flatten linear"},
}};

std::unique_ptr<Module> parse_word(const std::string& word) {
  if (auto module = make_module(word)) return module;
  std::vector<std::string_view> forms;
  for (const ModuleInfo* info : modules()) forms.push_back(info->form);
  throw InvalidArgument("model: expected {} or layers from {}; got '{}'", fmt::join(model_names(), ", "),
                        fmt::join(forms, ", "), word);
}

/// Each module says what it expects of its place.
void check_order(const ModelSpecification& model, const std::vector<std::unique_ptr<Module>>& layers) {
  if (layers.empty() || !layers.back()->makes_logits()) {
    throw InvalidArgument("model: expected linear (without a size: one output a class) as the last layer, got '{}'",
                          model.text);
  }
  Position position;
  Tail* tail = nullptr;
  Tail masks;  // of a module whose kernels take nothing over
  for (const auto& module : layers) {
    position.is_last = module == layers.back();
    position.tail = tail;
    const std::string expected = module->expects(position);
    if (!expected.empty()) throw InvalidArgument("model: expected {}, got '{}'", expected, model.text);
    position.is_flat |= !module->runs();
    if (tail != nullptr && module->join(*tail)) continue;
    tail = module->tail();
    if (tail == nullptr && module->has_successor()) tail = &(masks = {});
  }
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& [name, layers] : kModels) names.emplace_back(name);
  return names;
}

std::string model_help() {
  std::string text = "models (--model name):\n";
  for (const auto& [name, layers] : kModels) text += fmt::format("  {:<24} {}\n", name, layers);
  text +=
      "layers (--model \"conv32 pool flatten linear128 dropout linear\"; N, K, ... are numbers, [] may be left out):\n";
  for (const ModuleInfo* info : modules()) text += fmt::format("  {:<24} {}\n", info->form, info->help);
  return text + "  A bias and a ReLU follow every convolution and every linear layer but the last.\n";
}

ModelSpecification parse_model(std::string_view text) {
  ModelSpecification model{std::string(text), {}};
  std::string specification(text);
  for (const auto& [name, layers] : kModels) {
    if (name == text) specification = layers;
  }
  std::vector<std::unique_ptr<Module>> layers;
  std::istringstream words(specification);
  for (std::string word; words >> word; model.words.push_back(word)) layers.push_back(parse_word(word));
  check_order(model, layers);
  return model;
}

}  // namespace murmur
