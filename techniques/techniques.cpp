#include "murmur/techniques/techniques.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "murmur/engine/error.hpp"
#include "murmur/engine/nearest.hpp"
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
  {T::kOptimizer,                  "optimizer",                    kUpdate,     kOptimization, kCategorical, 0,    last(kOptimizers), 0,    kOptimizers, "update rule (the momentum is 0.9; sgld: Langevin dynamics)"},
  {T::kLearningRate,               "learning_rate",                kUpdate,     kOptimization, kLogFloat,    1e-8, 10,                1e-3, kNoChoices,  "step size; where it is not given: 0.1 for sgd and sgld, 0.01 with momentum, 0.001 for adam, adamw and with --loss-reduction sum"},
  {T::kLearningRateSchedule,       "learning_rate_schedule",       kUpdate,     kOptimization, kFloat,       -1,   1,                 0,    kNoChoices,  "> 0 doubles, < 0 halves the learning rate; the nearer to +-1, the more often"},
  {T::kBatchSize,                  "batch_size",                   kUpdate,     kOptimization, kInteger,     1,    65536,             128,  kNoChoices,  "samples of one update (rounded to a multiple of the micro-batch)"},
  {T::kBatchSizeSchedule,          "batch_size_schedule",          kUpdate,     kOptimization, kFloat,       -1,   1,                 0,    kNoChoices,  "> 0 doubles, < 0 halves the batch size; the nearer to +-1, the more often"},
  {T::kWeightNoise,                "weight_noise",                 kWeight,     kOptimization, kLogFloat,    1e-12,1,                 0,    kNoChoices,  "variance at the first update of the noise on the weights, decaying as (1+t)^-0.55"},
  {T::kGradientNoise,              "gradient_noise",               kGradient,   kOptimization, kFloat,       0,    10,                0,    kNoChoices,  "variance at the first update of the noise on the gradient, decaying as (1+t)^-0.55"},
  {T::kGradientDropout,            "gradient_dropout",             kGradient,   kOptimization, kFloat,       0,    0.95,              0,    kNoChoices,  "probability to zero an element of the gradient in an update (not rescaled)"},
  {T::kTransientWeightNoise,       "transient_weight_noise",       kWeight,     kNetwork,      kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the Gaussian noise on the weights that only the passes of an update see"},
  {T::kMultiplicativeWeightNoise,  "multiplicative_weight_noise",  kWeight,     kNetwork,      kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the factor N(1, s^2) on every weight that only the passes of an update see"},
  {T::kMultiplicativeInputNoise,   "multiplicative_input_noise",   kInput,      kData,         kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the factor N(1, s^2) on every element of the input"},
  {T::kUniformInputNoise,          "uniform_input_noise",          kInput,      kData,         kFloat,       0,    10,                0,    kNoChoices,  "half the width of the uniform noise on the input (pixels are in [0, 1])"},
  {T::kSaltAndPepper,              "salt_and_pepper",              kInput,      kData,         kFloat,       0,    1,                 0,    kNoChoices,  "probability of an element of the input to become 0 or 1"},
  {T::kCutout,                     "cutout",                       kInput,      kData,         kInteger,     0,    1024,              0,    kNoChoices,  "side, in pixels, of a square of zeros around a random place of each image"},
  {T::kRandomErasing,              "random_erasing",               kInput,      kData,         kFloat,       0,    1,                 0,    kNoChoices,  "probability of a rectangle of zeros of 2 to 33 % of an image"},
  {T::kRandomCrop,                 "random_crop",                  kInput,      kData,         kInteger,     0,    1024,              0,    kNoChoices,  "pixels of zeros around each image of which a crop of its size is taken"},
  {T::kMixup,                      "mixup",                        kInput,      kData,         kFloat,       0,    1,                 0,    kNoChoices,  "each image and its target mixed with another sample's, the share from Beta(a, a)"},
  {T::kCutmix,                     "cutmix",                       kInput,      kData,         kFloat,       0,    1,                 0,    kNoChoices,  "a rectangle of another sample in each image, its area from Beta(a, a); targets in the same shares"},
  {T::kLabelNoise,                 "label_noise",                  kLoss,       kData,         kFloat,       0,    1,                 0,    kNoChoices,  "share of the training samples whose label is another one, the same in all epochs"},
  {T::kDisturbLabel,               "disturb_label",                kLoss,       kData,         kFloat,       0,    1,                 0,    kNoChoices,  "probability of a label to be drawn from all classes, anew each time"},
  {T::kSpatialDropout,             "spatial_dropout",              kActivation, kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "probability to zero a channel of a convolution's image (the rest is scaled up)"},
  {T::kGaussianDropout,            "gaussian_dropout",             kActivation, kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "rate p of the factor N(1, p / (1 - p)) on every hidden activation"},
  {T::kDropblock,                  "dropblock",                    kActivation, kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "share of a convolution's image that blocks of 3 x 3 zeros cover (the rest is scaled up)"},
  {T::kStochasticDepth,            "stochastic_depth",             kActivation, kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "probability of a sample to skip a residual block (the rest is scaled up)"},
  {T::kMultiplicativeGradientNoise,"multiplicative_gradient_noise",kGradient,   kOptimization, kFloat,       0,    10,                0,    kNoChoices,  "standard deviation of the factor N(1, s^2) on every element of the gradient"},
  {T::kGradientMask,               "gradient_mask",                kGradient,   kOptimization, kFloat,       0,    0.95,              0,    kNoChoices,  "probability to zero an element of the gradient in an update (the rest is scaled up)"},
  {T::kGradientClip,               "gradient_clip",                kGradient,   kOptimization, kLogFloat,    1e-8, 1e6,               0,    kNoChoices,  "largest L2 norm of an update's gradient over all parameters, before any noise on it"},
  {T::kUpdateDropout,              "update_dropout",               kGradient,   kOptimization, kFloat,       0,    0.95,              0,    kNoChoices,  "probability of a parameter to stay as it is in an update (learning-rate dropout)"},
  {T::kExponentialLoss,            "exponential_loss",             kLoss,       kNetwork,      kFloat,       0,    1,                 0,    kNoChoices,  "share s of the factor (1 - s) + s E on every sample's loss, E from Exp(1)"},
  {T::kLossDropout,                "loss_dropout",                 kLoss,       kNetwork,      kFloat,       0,    0.95,              0,    kNoChoices,  "probability to leave a sample's loss out (the rest is scaled up)"},
  {T::kLogitNoise,                 "logit_noise",                  kLoss,       kNetwork,      kFloat,       0,    100,               0,    kNoChoices,  "standard deviation of the Gaussian noise on the logits"},
  {T::kWeightDecay,                "weight_decay",                 kUpdate,     kOptimization, kLogFloat,    1e-12,1,                 0,    kNoChoices,  "times the parameters, on the gradient; with adamw on the parameters themselves"},
  {T::kRrelu,                      "rrelu",                        kActivation, kNetwork,      kFloat,       0,    1,                 0,    kNoChoices,  "largest slope v of negative hidden activations, each from U(3/8 v, v); in evaluation their mean"},
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
  if (const std::string_view meant = nearest(key, keys); !meant.empty()) {
    throw InvalidArgument("unknown technique '{}': did you mean {}? (murmur info lists all)", key, meant);
  }
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

bool can_be_scheduled(const TechniqueInfo& info) {
  if (!info.choices.empty()) return false;
  return info.id != T::kInitScale && info.id != T::kBatchSize && info.id != T::kBatchSizeSchedule &&
         info.id != T::kLearningRateSchedule && info.id != T::kLabelNoise;
}

void Setting::set_schedule(Technique id, const NoiseSchedule& schedule) {
  const TechniqueInfo& info = technique(id);
  if (!schedule.is_constant() && !can_be_scheduled(info)) {
    throw InvalidArgument("{}: expected no schedule, because it is no magnitude, got {}", info.key,
                          format_noise_schedule(schedule));
  }
  schedules_[static_cast<size_t>(id)] = schedule;
}

std::string format_setting(const Setting& setting, Technique id) {
  const TechniqueInfo& info = technique(id);
  const std::string value = info.choices.empty() ? fmt::format("{}", setting[id]) : format_value(info, setting[id]);
  const NoiseSchedule& schedule = setting.schedule(id);
  return schedule.is_constant() ? value : value + "@" + format_noise_schedule(schedule);
}

std::string format_assignment(const Setting& setting, Technique id) {
  return fmt::format("{}={}", technique(id).key, format_setting(setting, id));
}

void parse_into(Setting& setting, const TechniqueInfo& info, std::string_view text) {
  const size_t at = text.find('@');
  setting.set(info.id, parse_value(info, text.substr(0, at)));
  try {
    const bool is_constant = at == std::string_view::npos;
    setting.set_schedule(info.id, is_constant ? NoiseSchedule{} : parse_noise_schedule(text.substr(at + 1)));
  } catch (const InvalidArgument& error) {
    const std::string_view message = error.what();
    if (message.starts_with(info.key)) throw;
    throw InvalidArgument("{}: {}", info.key, message);
  }
}

void Setting::set(Technique id, double value) {
  const TechniqueInfo& info = technique(id);
  if (!in_range(info, value)) {
    throw InvalidArgument("{}: expected a value in [{}, {}], got {}", info.key, info.low, info.high, value);
  }
  values_[static_cast<size_t>(id)] = value;
}

}  // namespace murmur
