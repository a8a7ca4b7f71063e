#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// How a raw position becomes a value.
enum class Decode : uint8_t {
  kIdentity,          // value = raw
  kRound,             // value = round(raw)
  kCeil,              // value = choice max(ceil(raw), 1) - 1
  kNegativePower,     // value = 10^-raw
  kNegativePowerOff,  // value = 10^-raw, and off where raw is at its upper bound
};
inline constexpr ChoiceNames<Decode::kNegativePowerOff> kDecodes{"identity", "round", "ceil", "negative_power",
                                                                 "negative_power_or_off"};
static_assert(!kDecodes.back().empty());

/// Where a dimension exists: where another technique has one of these values.
struct Condition {
  Technique technique;
  std::vector<double> values;
  bool operator==(const Condition&) const = default;
};

/// A technique as a dimension of a search: what a searcher's raw position means.
///
/// Off may have an interval of its own, [off_low, off_high], beside or between the raw positions that are on; what lies
/// above it is moved down by off_high - raw_off before it is decoded. So a technique is off, exactly, with the
/// probability (off_high - off_low) / (raw_high - raw_low) at a uniform position, and a particle can rest there.
struct Dimension {
  Technique id{};
  Decode decode{};
  double raw_low = 0, raw_high = 0, raw_off = 0;
  bool sparse = false;               // the sparse initialisation may set it to off
  double low = 0, high = 0;          // of the values that are searched; 0 with choices
  double off_low = 0, off_high = 0;  // equal: no interval of its own
  std::vector<double> choices{};     // the values, where they are some or have names; of kCeil always
  std::optional<Condition> only{};   // elsewhere the technique keeps the base's value
  // Of the dimension of a technique's schedule those that are searched, whose places are the choices. It exists where
  // the technique is on.
  std::vector<NoiseSchedule> schedules{};
  bool operator==(const Dimension&) const = default;
};

/// True for the dimension of a technique's schedule.
inline bool is_schedule(const Dimension& dimension) {
  return !dimension.schedules.empty();
}

/// What the key of a schedule's dimension ends in.
inline constexpr std::string_view kScheduleEnd = ".schedule";

/// What a dimension is called: the key of its technique, or "dropout.schedule".
std::string key_of(const Dimension& dimension);

/// A setting's value of a dimension: its technique's; of a schedule the place among the searched ones, -1 where it is
/// none of them. And the inverse, which leaves a technique's schedule, or its value, as it is.
double value_of(const Setting& setting, const Dimension& dimension);
void set_value(Setting& setting, const Dimension& dimension, double value);

/// "0.3", "adam", "early:0.5".
std::string format_value(const Dimension& dimension, double value);

/// The study's row of a technique, in its units and its range.
const Dimension& study_dimension(Technique id);

/// The dimension of a technique's schedule. Throws: InvalidArgument where the technique can have none, and where there
/// is no schedule or one twice.
Dimension schedule_dimension(Technique id, std::vector<NoiseSchedule> schedules);

/// Searches from `low` to `high` instead, both a user's values, with even steps of the value or of its logarithm
/// (low > 0). An interval of off is lost; off lies where the range is next to it.
void set_range(Dimension& dimension, double low, double high, bool is_log);

/// Gives off an interval of its own, and with it the probability of a uniform position, in [0, 1). 0: no interval.
void set_off_probability(Dimension& dimension, double probability);

/// True where off has an interval of its own.
inline bool has_off_interval(const Dimension& dimension) {
  return dimension.off_low < dimension.off_high;
}

/// True for what can be on or off: the noises, and the schedules.
bool has_off(const Dimension& dimension);

/// The value of a raw position, clamped to the dimension's bounds first.
double decode(const Dimension& dimension, double raw);

/// A raw position within the bounds that decodes to this value: exactly for off, choices and identity dimensions, to an
/// ulp or so for powers of ten and for what lies above an interval of off. What is outside of the searched range
/// becomes the nearest bound; a choice that is not searched the first.
double encode(const Dimension& dimension, double value);

/// The raw position that is off: where an interval of it meets what is on, or its middle where it lies between. A
/// particle that starts there is as near to small values as it would be without an interval.
double off_position(const Dimension& dimension);

/// A value in the raw units of a dimension, also where it lies outside of its bounds: as `encode`, not clamped, and
/// without an interval of off.
double raw_value(const Dimension& dimension, double value);

/// The number that Optuna stores of a value: a choice's place among the dimension's, else the value. And the inverse,
/// which throws InvalidArgument for a place that is none.
double stored_value(const Dimension& dimension, double value);
double parse_stored_value(const Dimension& dimension, double stored);

}  // namespace murmur
