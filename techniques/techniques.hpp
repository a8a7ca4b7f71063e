#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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
enum class Optimizer : uint8_t { kSgd, kMomentum, kAdam };
inline constexpr ChoiceNames<Optimizer::kAdam> kOptimizers{"sgd", "momentum", "adam"};
static_assert(!kOptimizers.back().empty());

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
