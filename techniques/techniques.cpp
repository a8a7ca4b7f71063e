#include "murmur/techniques/techniques.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/techniques/technique_table.hpp"

namespace murmur {
namespace {

constexpr std::array<std::string_view, 2> kOffOn{"off", "on"};
constexpr std::span<const std::string_view> kNoChoices{};

/// The largest value of a technique with these choices.
template <size_t kCount>
constexpr double last(const std::array<std::string_view, kCount>& /*choices*/) {
  return kCount - 1;
}

using enum Place;
using enum Category;
using enum Kind;
using T = Technique;

// clang-format off
constexpr std::array<TechniqueInfo, kNumTechniques> kTechniques{{
  // id                              key                             place        category       kind          low   high               off   choices      help
  {T::kShuffle,                    "shuffle",                      kInput,      kData,         kCategorical, 0,    last(kOffOn),      0,    kOffOn,      "reorder the training samples anew in every epoch"},
  {T::kFlip,                       "flip",                         kInput,      kData,         kCategorical, 0,    last(kFlips),      0,    kFlips,      "mirror each image with probability 1/2 per axis"},
  {T::kRotation,                   "rotation",                     kInput,      kData,         kFloat,       0,    0.5,               0,    kNoChoices,  "rotate each image by up to this fraction of a full turn"},
  {T::kZoom,                       "zoom",                         kInput,      kData,         kFloat,       0,    0.9,               0,    kNoChoices,  "scale each axis of each image by up to this fraction"},
  {T::kTranslation,                "translation",                  kInput,      kData,         kFloat,       0,    1,                 0,    kNoChoices,  "shift each image by up to this fraction of its width and height"},
  {T::kContrast,                   "contrast",                     kInput,      kData,         kFloat,       0,    1,                 0,    kNoChoices,  "stretch the contrast by a factor of 1 +- up to this fraction"},
  {T::kInputNoise,                 "input_noise",                  kInput,      kData,         kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the Gaussian noise on the input (pixels are in [0, 1])"},
  {T::kLabelSmoothing,             "label_smoothing",              kLoss,       kData,         kFloat,       0,    1,                 0,    kNoChoices,  "share of the target spread over all classes"},
  {T::kInitScale,                  "init_scale",                   kWeight,     kNetwork,      kFloat,       0,    10,                0.05, kNoChoices,  "standard deviation of the initial weights"},
  {T::kDropout,                    "dropout",                      kActivation, kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "probability to zero a hidden activation (the rest is scaled up)"},
  {T::kDropconnect,                "dropconnect",                  kWeight,     kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "probability to zero a weight of a hidden layer (the rest is scaled up); with --dropconnect-on inputs, an input of it (not scaled)"},
  {T::kFrozenFraction,             "frozen_fraction",              kGradient,   kNetwork,      kFloat,       0,    1,                 0,    kNoChoices,  "fraction of the parameters that stay at their random start"},
  {T::kActivationNoise,            "activation_noise",             kActivation, kNetwork,      kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the Gaussian noise before every hidden ReLU"},
  {T::kLossNoise,                  "loss_noise",                   kLoss,       kNetwork,      kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the factor N(1, s^2) on every sample's loss"},
  {T::kOptimizer,                  "optimizer",                    kUpdate,     kOptimization, kCategorical, 0,    last(kOptimizers), 0,    kOptimizers, "update rule (the momentum is 0.9)"},
  {T::kLearningRate,               "learning_rate",                kUpdate,     kOptimization, kLogFloat,    1e-8, 10,                1e-3, kNoChoices,  "step size; where it is not given: 0.1 for sgd, 0.01 for momentum, 0.001 for adam and with --loss-reduction sum"},
  {T::kLearningRateSchedule,       "learning_rate_schedule",       kUpdate,     kOptimization, kFloat,       -1,   1,                 0,    kNoChoices,  "> 0 doubles, < 0 halves the learning rate; the nearer to +-1, the more often"},
  {T::kBatchSize,                  "batch_size",                   kUpdate,     kOptimization, kInteger,     1,    65536,             128,  kNoChoices,  "samples of one update (rounded to a multiple of the micro-batch)"},
  {T::kBatchSizeSchedule,          "batch_size_schedule",          kUpdate,     kOptimization, kFloat,       -1,   1,                 0,    kNoChoices,  "> 0 doubles, < 0 halves the batch size; the nearer to +-1, the more often"},
  {T::kWeightNoise,                "weight_noise",                 kWeight,     kOptimization, kLogFloat,    1e-12,1,                 0,    kNoChoices,  "variance at the first update of the noise on the weights, decaying as (1+t)^-0.55"},
  {T::kGradientNoise,              "gradient_noise",               kGradient,   kOptimization, kFloat,       0,    10,                0,    kNoChoices,  "variance at the first update of the noise on the gradient, decaying as (1+t)^-0.55"},
  {T::kGradientDropout,            "gradient_dropout",             kGradient,   kOptimization, kFloat,       0,    0.95,              0,    kNoChoices,  "probability to zero an element of the gradient in an update (not rescaled)"},
  {T::kTransientWeightNoise,       "transient_weight_noise",       kWeight,     kNetwork,      kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the Gaussian noise on the weights that only the passes of an update see"},
  {T::kMultiplicativeWeightNoise,  "multiplicative_weight_noise",  kWeight,     kNetwork,      kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the factor N(1, s^2) on every weight that only the passes of an update see"},
}};
// clang-format on

constexpr bool rows_are_in_order() {
  for (size_t i = 0; i < kTechniques.size(); ++i) {
    if (kTechniques[i].id != static_cast<Technique>(i)) return false;
  }
  return true;
}
static_assert(rows_are_in_order(), "one row a technique, in the order of the enum");
static_assert(std::ranges::all_of(kTechniques, [](const TechniqueInfo& info) {
  return off_value(info.id) == static_cast<float>(info.off);
}));

bool in_range(const TechniqueInfo& info, double value) {
  return value == info.off || (value >= info.low && value <= info.high);
}

}  // namespace

std::span<const TechniqueInfo, kNumTechniques> techniques() {
  return kTechniques;
}

const TechniqueInfo& technique(Technique id) {
  return kTechniques[static_cast<size_t>(id)];
}

const TechniqueInfo& technique(std::string_view key) {
  for (const TechniqueInfo& info : kTechniques) {
    if (info.key == key) return info;
  }
  std::vector<std::string_view> keys;
  for (const TechniqueInfo& info : kTechniques) keys.push_back(info.key);
  throw InvalidArgument("unknown technique '{}': expected one of {}", key, fmt::join(keys, ", "));
}

double parse_value(const TechniqueInfo& info, std::string_view text) {
  for (size_t i = 0; i < info.choices.size(); ++i) {
    if (info.choices[i] == text) return static_cast<double>(i);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  const bool whole = info.kind == Kind::kFloat || info.kind == Kind::kLogFloat || value == std::round(value);
  if (is_number && whole && in_range(info, value)) return value;
  if (!info.choices.empty()) {
    throw InvalidArgument("{}: expected one of {}, got '{}'", info.key, fmt::join(info.choices, ", "), text);
  }
  throw InvalidArgument("{}: expected {} in [{}, {}]{}, got '{}'", info.key,
                        info.kind == Kind::kInteger ? "an integer" : "a number", info.low, info.high,
                        info.off < info.low ? fmt::format(" or {}", info.off) : "", text);
}

std::string format_value(const TechniqueInfo& info, double value) {
  if (!info.choices.empty()) return std::string(info.choices[static_cast<size_t>(value)]);
  return fmt::format("{:.6g}", value);
}

Setting::Setting() {
  for (const TechniqueInfo& info : kTechniques) values_[static_cast<size_t>(info.id)] = info.off;
}

std::vector<float> table_of_off_values(int64_t num_networks) {
  std::vector<float> table;
  for (const TechniqueInfo& info : kTechniques) {
    table.insert(table.end(), static_cast<size_t>(num_networks), off_value(info.id));
  }
  return table;
}

void Setting::set(Technique id, double value) {
  const TechniqueInfo& info = technique(id);
  if (!in_range(info, value)) {
    throw InvalidArgument("{}: expected a value in [{}, {}], got {}", info.key, info.low, info.high, value);
  }
  values_[static_cast<size_t>(id)] = value;
}

}  // namespace murmur
