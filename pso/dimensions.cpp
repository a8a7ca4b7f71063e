#include "murmur/pso/dimensions.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using enum Decode;
using T = Technique;

/// A row of the table: the columns of `Dimension` that have no rule.
struct Row {
  Technique id;
  Decode decode;
  double raw_low, raw_high, raw_off;
  bool sparse;
};

/// The raw range of a technique with these choices is (0, their number].
template <size_t kCount>
constexpr double count(const std::array<std::string_view, kCount>& /*choices*/) {
  return kCount;
}

// clang-format off
constexpr std::array<Row, kNumTechniques> kRows{{
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
  {T::kOptimizer,                   kCeil,              0,     kNumStudyOptimizers,  1,     false},
  {T::kLearningRate,                kNegativePower,     1,     5,                    3,     false},
  {T::kLearningRateSchedule,        kIdentity,         -1,     1,                    0,     false},
  {T::kBatchSize,                   kRound,             128,   1024,                 128,   false},
  {T::kBatchSizeSchedule,           kIdentity,         -1,     1,                    0,     false},
  {T::kWeightNoise,                 kNegativePowerOff,  1,     6,                    6,     true},
  {T::kGradientNoise,               kIdentity,          0,     1,                    0,     true},
  {T::kGradientDropout,             kIdentity,          0,     0.5,                  0,     true},
  {T::kTransientWeightNoise,        kIdentity,          0,     0.1,                  0,     true},
  {T::kMultiplicativeWeightNoise,   kIdentity,          0,     1,                    0,     true},
  {T::kMultiplicativeInputNoise,    kIdentity,          0,     1,                    0,     true},
  {T::kUniformInputNoise,           kIdentity,          0,     1,                    0,     true},
  {T::kSaltAndPepper,               kIdentity,          0,     0.2,                  0,     true},
  {T::kCutout,                      kRound,             0,     16,                   0,     true},
  {T::kRandomErasing,               kIdentity,          0,     1,                    0,     true},
  {T::kRandomCrop,                  kRound,             0,     4,                    0,     true},
  {T::kMixup,                       kIdentity,          0,     1,                    0,     true},
  {T::kCutmix,                      kIdentity,          0,     1,                    0,     true},
  {T::kLabelNoise,                  kIdentity,          0,     0.5,                  0,     true},
  {T::kDisturbLabel,                kIdentity,          0,     0.5,                  0,     true},
  {T::kSpatialDropout,              kIdentity,          0,     0.5,                  0,     true},
  {T::kGaussianDropout,             kIdentity,          0,     0.5,                  0,     true},
  {T::kDropblock,                   kIdentity,          0,     0.5,                  0,     true},
  {T::kStochasticDepth,             kIdentity,          0,     0.5,                  0,     true},
  {T::kMultiplicativeGradientNoise, kIdentity,          0,     1,                    0,     true},
  {T::kGradientMask,                kIdentity,          0,     0.5,                  0,     true},
  {T::kGradientClip,                kNegativePowerOff, -2,     0,                    0,     true},
  {T::kUpdateDropout,               kIdentity,          0,     0.5,                  0,     true},
  {T::kExponentialLoss,             kIdentity,          0,     1,                    0,     true},
  {T::kLossDropout,                 kIdentity,          0,     0.5,                  0,     true},
  {T::kLogitNoise,                  kIdentity,          0,     1,                    0,     true},
  {T::kWeightDecay,                 kNegativePowerOff,  1,     6,                    6,     true},
  {T::kRrelu,                       kIdentity,          0,     0.5,                  0,     true},
}};
// clang-format on

constexpr bool one_row_each() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].id != static_cast<Technique>(i) || kRows[i].raw_high <= kRows[i].raw_low) return false;
  }
  return true;
}
static_assert(one_row_each(), "one row a technique, in the order of the enum, each with a range");

bool is_power(const Dimension& dimension) {
  return dimension.decode == kNegativePower || dimension.decode == kNegativePowerOff;
}

/// 10^-raw of a whole number, which is the number that 1e-5 reads as.
double negative_power(double raw) {
  return 1 / std::pow(10.0, raw);
}

Dimension dimension_of(const Row& row) {
  Dimension dimension{row.id, row.decode, row.raw_low, row.raw_high, row.raw_off, row.sparse};
  if (!technique(row.id).choices.empty()) {
    // Of kRound they are 0 and 1, of kCeil those that the raw range counts.
    const int num_choices = static_cast<int>(row.raw_high) + (row.decode == kRound ? 1 : 0);
    for (int i = 0; i < num_choices; ++i) dimension.choices.push_back(i);
    return dimension;
  }
  const bool power = is_power(dimension);
  dimension.low = power ? negative_power(row.raw_high) : row.raw_low;
  dimension.high = power ? negative_power(row.raw_low) : row.raw_high;
  return dimension;
}

double decode_on(const Dimension& dimension, double raw) {
  switch (dimension.decode) {
    case kIdentity:
      return std::clamp(raw, dimension.low, dimension.high);
    case kRound:
      return std::round(raw);
    case kCeil:
      return dimension
          .choices[std::min(static_cast<size_t>(std::max(std::ceil(raw), 1.0)), dimension.choices.size()) - 1];
    case kNegativePower:
    case kNegativePowerOff:
      return std::clamp(std::pow(10.0, -raw), dimension.low, dimension.high);
  }
  return raw;
}

double encode_on(const Dimension& dimension, double value) {
  if (dimension.decode == kCeil) {
    const auto found = std::ranges::find(dimension.choices, value);
    return found == dimension.choices.end() ? 1 : static_cast<double>(found - dimension.choices.begin()) + 1;
  }
  return is_power(dimension) ? -std::log10(value) : value;
}

/// Of a whole number whose range begins with off: its positions that round to off, which an interval of it takes over.
double half_step(const Dimension& dimension) {
  const bool begins_with_off = std::round(dimension.raw_off) == technique(dimension.id).off;
  return dimension.decode == kRound && begins_with_off ? 0.5 : 0;
}

/// By how much what lies above the interval of off is moved up to make room for it.
double shift_of(const Dimension& dimension) {
  return has_off_interval(dimension) ? dimension.off_high - dimension.raw_off - half_step(dimension) : 0;
}

}  // namespace

std::string key_of(const Dimension& dimension) {
  std::string key(technique(dimension.id).key);
  if (is_schedule(dimension)) key += kScheduleEnd;
  return key;
}

double value_of(const Setting& setting, const Dimension& dimension) {
  if (!is_schedule(dimension)) return setting[dimension.id];
  const auto found = std::ranges::find(dimension.schedules, setting.schedule(dimension.id));
  return found == dimension.schedules.end() ? -1 : static_cast<double>(found - dimension.schedules.begin());
}

void set_value(Setting& setting, const Dimension& dimension, double value) {
  if (!is_schedule(dimension)) return setting.set(dimension.id, value);
  if (!(value >= 0 && value < static_cast<double>(dimension.schedules.size()))) {
    throw InvalidArgument("{}: expected one of {} schedules, from 0 on, got {}", key_of(dimension),
                          dimension.schedules.size(), value);
  }
  setting.set_schedule(dimension.id, dimension.schedules[static_cast<size_t>(value)]);
}

std::string format_value(const Dimension& dimension, double value) {
  if (!is_schedule(dimension)) return format_value(technique(dimension.id), value);
  return format_noise_schedule(dimension.schedules.at(static_cast<size_t>(value)));
}

const Dimension& study_dimension(Technique id) {
  static const std::vector<Dimension> dimensions = [] {
    std::vector<Dimension> all;
    for (const Row& row : kRows) all.push_back(dimension_of(row));
    return all;
  }();
  return dimensions[static_cast<size_t>(id)];
}

Dimension schedule_dimension(Technique id, std::vector<NoiseSchedule> schedules) {
  const TechniqueInfo& info = technique(id);
  if (!can_be_scheduled(info)) throw InvalidArgument("{}: expected no schedule, because it is no magnitude", info.key);
  if (schedules.empty()) throw InvalidArgument("{}.schedule: expected one schedule or more, got none", info.key);
  Dimension dimension{id, kCeil, 0, static_cast<double>(schedules.size()), 1};
  for (size_t i = 0; i < schedules.size(); ++i) {
    if (std::ranges::count(schedules, schedules[i]) > 1) {
      throw InvalidArgument("{}.schedule: expected each schedule once, got {} twice", info.key,
                            format_noise_schedule(schedules[i]));
    }
    dimension.choices.push_back(static_cast<double>(i));
    if (schedules[i].is_constant()) dimension.raw_off = static_cast<double>(i) + 1;
  }
  dimension.schedules = std::move(schedules);
  return dimension;
}

void set_range(Dimension& dimension, double low, double high, bool is_log) {
  dimension.low = low;
  dimension.high = high;
  dimension.off_low = dimension.off_high = 0;
  if (is_log) {
    dimension.decode = kNegativePower;
    dimension.raw_low = -std::log10(high);
    dimension.raw_high = -std::log10(low);
  } else {
    dimension.decode = technique(dimension.id).kind == Kind::kInteger ? kRound : kIdentity;
    dimension.raw_low = low;
    dimension.raw_high = high;
  }
  const double off = technique(dimension.id).off;
  const double raw_off = is_log && off <= 0 ? dimension.raw_high : encode_on(dimension, off);
  dimension.raw_off = std::clamp(raw_off, dimension.raw_low, dimension.raw_high);
}

void set_off_probability(Dimension& dimension, double probability) {
  dimension.off_low = dimension.off_high = 0;
  if (probability == 0) return;
  dimension.raw_high -= half_step(dimension);
  const double width = probability / (1 - probability) * (dimension.raw_high - dimension.raw_low);
  if (dimension.raw_off <= dimension.raw_low) {
    dimension.off_low = dimension.raw_low = dimension.raw_off - width;
    dimension.off_high = dimension.raw_off;
  } else {
    dimension.off_low = dimension.raw_off;
    dimension.off_high = dimension.raw_off + width;
    dimension.raw_high += width;
  }
}

bool has_off(const Dimension& dimension) {
  if (is_schedule(dimension)) return false;
  const Row& row = kRows[static_cast<size_t>(dimension.id)];
  return row.sparse || row.id == T::kLearningRateSchedule || row.id == T::kBatchSizeSchedule;
}

double decode(const Dimension& dimension, double raw) {
  raw = std::clamp(raw, dimension.raw_low, dimension.raw_high);
  const double off = technique(dimension.id).off;
  if (has_off_interval(dimension)) {
    if (raw >= dimension.off_low && raw <= dimension.off_high) return off;
    if (raw > dimension.off_high) raw -= shift_of(dimension);
  } else if (dimension.decode == kNegativePowerOff && raw >= dimension.raw_high) {
    return off;
  }
  return decode_on(dimension, raw);
}

double off_position(const Dimension& dimension) {
  const bool is_between = dimension.raw_low < dimension.off_low && dimension.off_high < dimension.raw_high;
  return is_between ? (dimension.off_low + dimension.off_high) / 2 : dimension.raw_off;
}

double encode(const Dimension& dimension, double value) {
  const bool is_off = value == technique(dimension.id).off;
  const bool has_interval = has_off_interval(dimension);
  if (is_off && (has_interval || dimension.decode == kNegativePowerOff)) return off_position(dimension);
  const double raw = encode_on(dimension, value);
  if (!has_interval) {
    // The upper bound itself may mean off, so the smallest value that is not off sits just below it.
    const bool bound_is_off = dimension.decode == kNegativePowerOff;
    const double high = bound_is_off ? std::nextafter(dimension.raw_high, dimension.raw_low) : dimension.raw_high;
    return std::clamp(raw, dimension.raw_low, high);
  }
  const bool lies_above = raw > dimension.raw_off || dimension.off_low <= dimension.raw_low;
  if (!lies_above) return std::clamp(raw, dimension.raw_low, std::nextafter(dimension.off_low, dimension.raw_low));
  const double just_above = std::nextafter(dimension.off_high, dimension.raw_high);
  return std::clamp(raw + shift_of(dimension), just_above, std::max(just_above, dimension.raw_high));
}

double raw_value(const Dimension& dimension, double value) {
  const bool bound_is_off = dimension.decode == kNegativePowerOff && value == technique(dimension.id).off;
  return bound_is_off ? dimension.raw_off : encode_on(dimension, value);
}

double stored_value(const Dimension& dimension, double value) {
  if (dimension.choices.empty()) return value;
  return static_cast<double>(std::ranges::find(dimension.choices, value) - dimension.choices.begin());
}

double parse_stored_value(const Dimension& dimension, double stored) {
  if (dimension.choices.empty()) return stored;
  const auto num_choices = static_cast<double>(dimension.choices.size());
  if (!(stored >= 0 && stored < num_choices)) {
    throw InvalidArgument("{}: expected one of {} choices, from 0 on, got {}", key_of(dimension),
                          dimension.choices.size(), stored);
  }
  return dimension.choices[static_cast<size_t>(stored)];
}

}  // namespace murmur
