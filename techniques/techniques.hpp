#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "murmur/techniques/noise_schedule.hpp"

namespace murmur {

/// The names of an enum's values as a user writes them, in their order, one for each up to the last: one too many does
/// not compile, one too few leaves the last empty.
template <auto kLast>
using ChoiceNames = std::array<std::string_view, static_cast<size_t>(kLast) + 1>;

/// Where a technique acts: kUpdate are the hyper-parameters of the update itself.
enum class Place : uint8_t { kInput, kWeight, kActivation, kGradient, kLoss, kUpdate };
inline constexpr ChoiceNames<Place::kUpdate> kPlaces{"input", "weight", "activation", "gradient", "loss", "update"};
static_assert(!kPlaces.back().empty());

/// The study's groups of dimensions.
enum class Category : uint8_t { kData, kNetwork, kOptimization };
inline constexpr ChoiceNames<Category::kOptimization> kCategories{"data", "network", "optimization"};
static_assert(!kCategories.back().empty());

/// What a value is: a float, a float searched in its logarithm, an integer, or one of a list of names.
enum class Kind : uint8_t { kFloat, kLogFloat, kInteger, kCategorical };

/// Which axes of an image may be mirrored.
enum class Flip : uint8_t { kNone, kBoth, kHorizontal, kVertical };
inline constexpr ChoiceNames<Flip::kVertical> kFlips{"none", "both", "horizontal", "vertical"};
static_assert(!kFlips.back().empty());

/// The rule that makes a step of a gradient.
enum class Optimizer : uint8_t { kSgd, kMomentum, kAdam, kNesterov, kAdamW, kSgld };
inline constexpr ChoiceNames<Optimizer::kSgld> kOptimizers{"sgd", "momentum", "adam", "nesterov", "adamw", "sgld"};
static_assert(!kOptimizers.back().empty());
/// The study's, and those of a search that names none: the first ones.
inline constexpr int kNumStudyOptimizers = 3;

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
  kMultiplicativeInputNoise,
  kUniformInputNoise,
  kSaltAndPepper,
  kCutout,
  kRandomErasing,
  kRandomCrop,
  kMixup,
  kCutmix,
  kLabelNoise,
  kDisturbLabel,
  kSpatialDropout,
  kGaussianDropout,
  kDropblock,
  kStochasticDepth,
  kMultiplicativeGradientNoise,
  kGradientMask,
  kGradientClip,
  kUpdateDropout,
  kExponentialLoss,
  kLossDropout,
  kLogitNoise,
  kWeightDecay,
  kRrelu,
};

inline constexpr int kNumTechniques = 47;
/// The dimensions of the study, and of a search that does not say otherwise: the first rows of the table.
inline constexpr int kNumStudyTechniques = 22;

/// One row of the technique table: the single source of `--set` keys, TOML keys, help and labels. `low`, `high` and
/// `off` are values as a user writes them; a technique with choices has their numbers as values.
struct TechniqueInfo {
  Technique id;
  std::string_view key;
  Place place;
  Category category;
  Kind kind;
  double low, high, off;
  std::span<const std::string_view> choices;
  std::string_view help;
};

/// All rows, indexed by Technique.
std::span<const TechniqueInfo, kNumTechniques> techniques();

/// The row of one technique.
const TechniqueInfo& technique(Technique id);

/// The row with this key. Throws: InvalidArgument, naming the keys there are.
const TechniqueInfo& technique(std::string_view key);

/// True for magnitudes, which have a meaning anywhere between off and their value. Not for choices, the batch size, the
/// study's own two schedules, and what acts only once.
bool can_be_scheduled(const TechniqueInfo& info);

/// Parses a value as a user writes it (`0.1`, `adam`, `on`) and checks its range. Throws: InvalidArgument.
double parse_value(const TechniqueInfo& info, std::string_view text);

/// The value as a user writes it.
std::string format_value(const TechniqueInfo& info, double value);

/// One setting of all hyper-parameters, values indexed by Technique, each with the schedule that it follows; starts
/// with everything off and constant.
class Setting {
 public:
  Setting();
  double operator[](Technique id) const { return values_[static_cast<size_t>(id)]; }
  const NoiseSchedule& schedule(Technique id) const { return schedules_[static_cast<size_t>(id)]; }
  /// The schedule stays. Throws: InvalidArgument when the value is outside of the technique's range.
  void set(Technique id, double value);
  /// Throws: InvalidArgument where the technique is none that can be scheduled.
  void set_schedule(Technique id, const NoiseSchedule& schedule);
  bool operator==(const Setting&) const = default;

  /// True where a technique has the same value and schedule in both.
  bool agrees(const Setting& other, Technique id) const {
    return (*this)[id] == other[id] && schedule(id) == other.schedule(id);
  }

 private:
  std::array<double, kNumTechniques> values_;
  std::array<NoiseSchedule, kNumTechniques> schedules_{};
};

/// A technique's value with its schedule, as a user writes them: "0.3", "adam", "0.3@early:0.5"; with so many digits
/// that parsing gives the same bits.
std::string format_setting(const Setting& setting, Technique id);

/// "dropout=0.3@early:0.5"
std::string format_assignment(const Setting& setting, Technique id);

/// The inverse of `format_setting`; without @ the schedule is constant. Throws: InvalidArgument.
void parse_into(Setting& setting, const TechniqueInfo& info, std::string_view text);

}  // namespace murmur
