#include "murmur/pso/dimensions.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "murmur/pso/setting_json.hpp"

namespace murmur {
namespace {

using enum Decode;
using T = Technique;

/// The raw range of a technique with these choices is (0, their number].
template <size_t kCount>
constexpr double count(const std::array<std::string_view, kCount>& /*choices*/) {
  return kCount;
}

// clang-format off
constexpr std::array<Dimension, kNumTechniques> kDimensions{{
  // id                             decode             raw: low  high                off    sparse
  {T::kShuffle,                     kRound,             0,     1,                    0,     false},
  {T::kFlip,                        kCeil,              0,     count(kFlips),        1,     true},
  {T::kRotation,                    kIdentity,          0,     0.2,                  0,     true},
  {T::kZoom,                        kIdentity,          0,     0.2,                  0,     true},
  {T::kTranslation,                 kIdentity,          0,     0.2,                  0,     true},
  {T::kContrast,                    kIdentity,          0,     0.2,                  0,     true},
  {T::kInputNoise,                  kIdentity,          0,     1,                    0,     true},
  {T::kLabelSmoothing,              kIdentity,          0,     1,                    0,     true},
  {T::kInitScale,                   kIdentity,          0,     0.1,                  0.05,  false},
  {T::kDropout,                     kIdentity,          0,     0.5,                  0,     true},
  {T::kDropconnect,                 kIdentity,          0,     0.5,                  0,     true},
  {T::kFrozenFraction,              kIdentity,          0,     1,                    0,     true},
  {T::kActivationNoise,             kIdentity,          0,     0.1,                  0,     true},
  {T::kLossNoise,                   kIdentity,          0,     1,                    0,     true},
  {T::kOptimizer,                   kCeil,              0,     count(kOptimizers),   1,     false},
  {T::kLearningRate,                kNegativePower,     1,     5,                    3,     false},
  {T::kLearningRateSchedule,        kIdentity,         -1,     1,                    0,     false},
  {T::kBatchSize,                   kRound,             128,   1024,                 128,   false},
  {T::kBatchSizeSchedule,           kIdentity,         -1,     1,                    0,     false},
  {T::kWeightNoise,                 kNegativePowerOff,  1,     6,                    6,     true},
  {T::kGradientNoise,               kIdentity,          0,     1,                    0,     true},
  {T::kGradientDropout,             kIdentity,          0,     0.5,                  0,     true},
  {T::kTransientWeightNoise,        kIdentity,          0,     0.1,                  0,     true},
  {T::kMultiplicativeWeightNoise,   kIdentity,          0,     1,                    0,     true},
}};
// clang-format on

constexpr bool one_row_each() {
  for (size_t i = 0; i < kDimensions.size(); ++i) {
    if (kDimensions[i].id != static_cast<Technique>(i) || kDimensions[i].raw_high <= kDimensions[i].raw_low) {
      return false;
    }
  }
  return true;
}
static_assert(one_row_each(), "one row a technique, in the order of the enum, each with a range");

std::string_view kind_name(Kind kind) {
  if (kind == Kind::kCategorical) return "categorical";
  return kind == Kind::kInteger ? "integer" : "float";
}

}  // namespace

std::span<const Dimension, kNumTechniques> dimensions() {
  return kDimensions;
}

const Dimension& dimension(Technique id) {
  return kDimensions[static_cast<size_t>(id)];
}

double decode(const Dimension& dimension, double raw) {
  const TechniqueInfo& info = technique(dimension.id);
  raw = std::clamp(raw, dimension.raw_low, dimension.raw_high);
  switch (dimension.decode) {
    case kIdentity:
      return raw;
    case kRound:
      return std::round(raw);
    case kCeil:
      return std::max(std::ceil(raw), 1.0) - 1;
    case kNegativePower:
      return std::clamp(std::pow(10.0, -raw), info.low, info.high);
    case kNegativePowerOff:
      return raw >= dimension.raw_high ? info.off : std::clamp(std::pow(10.0, -raw), info.low, info.high);
  }
  return raw;
}

double encode(const Dimension& dimension, double value) {
  switch (dimension.decode) {
    case kIdentity:
    case kRound:
      return value;
    case kCeil:
      return value + 1;
    case kNegativePower:
      return -std::log10(value);
    case kNegativePowerOff:
      return value == technique(dimension.id).off ? dimension.raw_high : -std::log10(value);
  }
  return value;
}

nlohmann::json dimension_json(const Dimension& dimension) {
  const TechniqueInfo& info = technique(dimension.id);
  nlohmann::json json{{"key", info.key},
                      {"kind", kind_name(info.kind)},
                      {"off", value_json(info, info.off)},
                      {"decode", kDecodes[static_cast<size_t>(dimension.decode)]},
                      {"raw_low", dimension.raw_low},
                      {"raw_high", dimension.raw_high},
                      {"raw_off", dimension.raw_off},
                      {"sparse", dimension.sparse}};
  if (!info.choices.empty()) {
    json["choices"] = info.choices;
    return json;
  }
  const bool is_power = dimension.decode == kNegativePower || dimension.decode == kNegativePowerOff;
  json["scale"] = is_power ? "log" : "linear";
  // A power of the raw bounds would be rounded, and not on every machine to the same number: the table's are exact.
  json["low"] = is_power ? info.low : dimension.raw_low;
  json["high"] = is_power ? info.high : dimension.raw_high;
  return json;
}

}  // namespace murmur
