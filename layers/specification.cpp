#include "murmur/layers/specification.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <optional>
#include <sstream>
#include <utility>

#include "murmur/engine/error.hpp"

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

/// The words of a specification and what they mean, for help and for messages.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kWords{{
    {"convN[kK][sS][pP][n]", "N filters of K x K (3), stride S (1), padding P (K / 2); n: batch norm before the ReLU"},
    {"norm", "batch norm after the ReLU of the convolution before it"},
    {"pool[W]", "the maximum of W x W windows (2) that do not overlap"},
    {"avgpool[W]", "their mean"},
    {"globalpool", "the mean of each channel"},
    {"residualN[sS]",
     "convNsSn convNn with what came in added before the last ReLU (through a 1 x 1 convolution and a batch norm where "
     "its shape changes)"},
    {"flatten", "from images to features: convolutions and pooling come before it, linear layers after it"},
    {"linearN", "N features"},
    {"dropout", "where dropout acts, after a convolution, a pooling or a linear layer"},
    {"linear", "the last layer: one output a class"},
}};

constexpr int64_t kMaxSize = 65536;

/// Reads a word piece by piece: letters, then numbers.
class WordReader {
 public:
  explicit WordReader(std::string_view word) : word_(word), rest_(word) {}

  bool done() const { return rest_.empty(); }
  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }
  bool at_number() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  int64_t number(const char* what, int64_t low, int64_t high) {
    int64_t value = -1;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (!at_number() || error != std::errc() || value < low || value > high) {
      throw InvalidArgument("model: expected {} to {} {}, got '{}'", low, high, what, word_);
    }
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }
  /// A number with a letter before it, or nothing.
  std::optional<int64_t> option(std::string_view letter, const char* what, int64_t low, int64_t high) {
    if (!take(letter)) return std::nullopt;
    return number(what, low, high);
  }

 private:
  std::string_view word_;
  std::string_view rest_;
};

std::optional<LayerSpecification> match_layer(const std::string& word) {
  LayerSpecification layer{LayerKind::kFlatten, word};
  if (word == "flatten") return layer;
  WordReader reader(word);
  if (reader.take("conv")) {
    layer.kind = LayerKind::kConvolution;
    layer.size = reader.number("filters", 1, kMaxSize);
    layer.kernel = reader.option("k", "pixels of a kernel", 1, 64).value_or(3);
    layer.stride = reader.option("s", "pixels of a stride", 1, 64).value_or(1);
    layer.padding = reader.option("p", "pixels of padding", 0, 64).value_or(layer.kernel / 2);
    layer.norm = reader.take("n");
  } else if (reader.take("residual")) {
    layer.kind = LayerKind::kResidual;
    layer.size = reader.number("filters", 1, kMaxSize);
    layer.stride = reader.option("s", "pixels of a stride", 1, 64).value_or(1);
    layer.norm = true;
  } else if (reader.take("norm")) {
    layer.kind = LayerKind::kNorm;
  } else if (reader.take("pool") || reader.take("avgpool")) {
    layer.kind = word.starts_with("avg") ? LayerKind::kAveragePool : LayerKind::kPool;
    layer.size = reader.at_number() ? reader.number("pixels of a window", 1, 64) : 2;
  } else if (reader.take("globalpool")) {
    layer.kind = LayerKind::kGlobalPool;
  } else if (reader.take("dropout")) {
    layer.kind = LayerKind::kDropout;
  } else if (reader.take("linear")) {
    layer.kind = LayerKind::kLinear;
    if (!reader.done()) layer.size = reader.number("features", 1, kMaxSize);
  } else {
    return std::nullopt;
  }
  return reader.done() ? std::optional(layer) : std::nullopt;
}

LayerSpecification parse_layer(const std::string& word) {
  if (const auto layer = match_layer(word)) return *layer;
  std::vector<std::string_view> words;
  for (const auto& [form, meaning] : kWords) words.push_back(form);
  throw InvalidArgument("model: expected {} or layers from {}; got '{}'", fmt::join(model_names(), ", "),
                        fmt::join(words, ", "), word);
}

/// Before flatten come layers of images, after it linear ones.
void check_order(const ModelSpecification& model) {
  using enum LayerKind;
  const auto& layers = model.layers;
  if (layers.empty() || layers.back().kind != kLinear || layers.back().size != 0) {
    throw InvalidArgument("model: expected linear (without a size: one output a class) as the last layer, got '{}'",
                          model.text);
  }
  bool flat = false;
  LayerKind before = kFlatten;
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerSpecification& layer = layers[i];
    const auto expect = [&](bool fits, const char* what) {
      if (!fits) throw InvalidArgument("model: expected {}, got '{}'", what, model.text);
    };
    const bool after_layer = i > 0 && before != kFlatten && before != kDropout;
    switch (layer.kind) {
      case kFlatten:
        expect(!flat, "one flatten");
        flat = true;
        break;
      case kLinear:
        expect(flat, "flatten before the first linear layer");
        expect(layer.size != 0 || i + 1 == layers.size(), "a size for every linear layer but the last");
        break;
      case kDropout:
        expect(after_layer, "dropout after a convolution, a pooling or a linear layer with a size");
        break;
      case kNorm:
        expect(after_layer && before == kConvolution && !layers[i - 1].norm,
               "norm after a convolution without a norm of its own");
        break;
      case kPool:
      case kAveragePool:
      case kGlobalPool:
        expect(!flat, "pooling before flatten");
        break;
      case kConvolution:
      case kResidual:
        expect(!flat, "convolutions before flatten");
        break;
    }
    before = layer.kind;
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
  for (const auto& [form, meaning] : kWords) text += fmt::format("  {:<24} {}\n", form, meaning);
  return text + "  A bias and a ReLU follow every convolution and every linear layer but the last.\n";
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
