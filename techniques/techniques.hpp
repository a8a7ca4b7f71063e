#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace murmur {

/// Where a technique acts.
enum class Place : uint8_t { kInput, kWeight, kActivation, kGradient, kLoss, kUpdate };

/// The study's groups of dimensions: data, network, optimization.
enum class Category : uint8_t { kData, kNetwork, kOptimization };

/// What a value is: a float, a float searched in its logarithm, an integer, or one of a list of names.
enum class Kind : uint8_t { kFloat, kLogFloat, kInteger, kCategorical };

/// How a raw position of the swarm becomes a value.
enum class Decode : uint8_t {
  kIdentity,          // value = raw
  kRound,             // value = round(raw)
  kCeil,              // value = index of the choice max(ceil(raw), 1) - 1
  kNegativePower,     // value = 10^-raw
  kNegativePowerOff,  // value = 10^-raw, and 0 where raw is at its upper bound
};

/// The techniques, those of the study in its order. The number is the row of a technique in `kTechniques` and in the
/// device table [technique][P], and part of the address of its random numbers: never reorder, append.
enum class Technique : uint8_t {
  kShuffle,
  kFlip,
  kRotation,
  kZoom,
  kTranslation,
  kContrast,
  kInputNoise,
  kLabelSmoothing,
  kInitScale,
  kDropout,
  kDropconnect,
  kFrozenFraction,
  kActivationNoise,
  kLossNoise,
  kOptimizer,
  kLearningRate,
  kLearningRateSchedule,
  kBatchSize,
  kBatchSizeSchedule,
  kWeightNoise,
  kGradientNoise,
  kGradientDropout,
  // beyond the study
  kTransientWeightNoise,
  kMultiplicativeWeightNoise,
};

inline constexpr int kNumTechniques = 24;
/// The dimensions of the study, and of a search that does not say otherwise: the first rows of the table.
inline constexpr int kNumStudyTechniques = 22;

/// One row of the technique table: the single source of the search space, `--set` keys, TOML keys, help and labels.
/// `low`, `high`, `off` are values as a user writes them; `raw_*` are positions of the swarm, in the study's units.
struct TechniqueInfo {
  Technique id;
  std::string_view key;
  Place place;
  Category category;
  Kind kind;
  double low, high, off;
  Decode decode;
  double raw_low, raw_high, raw_off;
  bool sparse;  // the swarm's sparse initialisation may set it to off
  std::span<const std::string_view> choices;
  std::string_view help;
};

/// All rows, indexed by Technique.
std::span<const TechniqueInfo, kNumTechniques> techniques();

/// The row of one technique.
const TechniqueInfo& technique(Technique id);

/// The row with this key. Throws: InvalidArgument, naming the keys there are.
const TechniqueInfo& technique(std::string_view key);

/// The value of a raw position, clamped to the technique's range first.
double decode(const TechniqueInfo& info, double raw);

/// A raw position that decodes to this value (the inverse of `decode`).
double encode(const TechniqueInfo& info, double value);

/// Parses a value as a user writes it (`0.1`, `adam`, `on`) and checks its range. Throws: InvalidArgument.
double parse_value(const TechniqueInfo& info, std::string_view text);

/// The value as a user writes it.
std::string format_value(const TechniqueInfo& info, double value);

/// One setting of all hyper-parameters, values indexed by Technique; starts with everything off.
class Setting {
 public:
  Setting();
  double operator[](Technique id) const { return values_[static_cast<size_t>(id)]; }
  /// Throws: InvalidArgument when the value is outside of the technique's range.
  void set(Technique id, double value);
  bool operator==(const Setting&) const = default;

 private:
  std::array<double, kNumTechniques> values_;
};

}  // namespace murmur
