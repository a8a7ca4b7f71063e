#include "layers/specification.hpp"

#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <sstream>
#include <utility>

#include "engine/error.hpp"

namespace murmur {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 1> kModels{{
    {"fc", "flatten linear50 dropout linear50 dropout linear"},
}};

LayerSpecification parse_layer(const std::string& word) {
  if (word == "flatten") return {LayerKind::kFlatten};
  if (word == "dropout") return {LayerKind::kDropout};
  if (word == "linear") return {LayerKind::kLinear};
  if (word.starts_with("linear")) {
    int64_t size = 0;
    const char* end = word.data() + word.size();
    const auto [rest, error] = std::from_chars(word.data() + 6, end, size);
    if (error == std::errc() && rest == end && size >= 1 && size <= 65536) return {LayerKind::kLinear, size};
    throw InvalidArgument("model: expected linear followed by 1 to 65536 features, got '{}'", word);
  }
  throw InvalidArgument("model: expected {} or layers from flatten, linearN, dropout, linear; got '{}'",
                        fmt::join(model_names(), ", "), word);
}

void check_order(const ModelSpecification& model) {
  const auto& layers = model.layers;
  if (layers.empty() || layers.front().kind != LayerKind::kFlatten) {
    throw InvalidArgument("model: expected flatten as the first layer, got '{}'", model.text);
  }
  if (layers.back().kind != LayerKind::kLinear || layers.back().size != 0) {
    throw InvalidArgument("model: expected linear (without a size: one output a class) as the last layer, got '{}'",
                          model.text);
  }
  for (size_t i = 1; i < layers.size(); ++i) {
    const LayerSpecification& layer = layers[i];
    const bool after_hidden = layers[i - 1].kind == LayerKind::kLinear;
    if (layer.kind == LayerKind::kFlatten) throw InvalidArgument("model: expected one flatten, got '{}'", model.text);
    if (layer.kind == LayerKind::kDropout && !after_hidden) {
      throw InvalidArgument("model: expected dropout after a linear layer with a size, got '{}'", model.text);
    }
    if (layer.kind == LayerKind::kLinear && layer.size == 0 && i + 1 < layers.size()) {
      throw InvalidArgument("model: expected a size for every linear layer but the last, got '{}'", model.text);
    }
  }
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& [name, layers] : kModels) names.emplace_back(name);
  return names;
}

ModelSpecification parse_model(std::string_view text) {
  ModelSpecification model{std::string(text), {}};
  std::string layers(text);
  for (const auto& [name, specification] : kModels) {
    if (name == text) layers = specification;
  }
  std::istringstream words(layers);
  for (std::string word; words >> word;) model.layers.push_back(parse_layer(word));
  check_order(model);
  return model;
}

}  // namespace murmur
