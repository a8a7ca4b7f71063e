#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// How a raw position becomes a value.
enum class Decode : uint8_t {
  kIdentity,          // value = raw
  kRound,             // value = round(raw)
  kCeil,              // value = index of the choice max(ceil(raw), 1) - 1
  kNegativePower,     // value = 10^-raw
  kNegativePowerOff,  // value = 10^-raw, and off where raw is at its upper bound
};
inline constexpr ChoiceNames<Decode::kNegativePowerOff> kDecodes{"identity", "round", "ceil", "negative_power",
                                                                 "negative_power_or_off"};
static_assert(!kDecodes.back().empty());

/// A technique as a dimension of a search: what a searcher's raw position means, in the study's units.
struct Dimension {
  Technique id;
  Decode decode;
  double raw_low, raw_high, raw_off;
  bool sparse;  // the sparse initialisation may set it to off
};

/// One row a technique, indexed by Technique.
std::span<const Dimension, kNumTechniques> dimensions();

/// The row of one technique.
const Dimension& dimension(Technique id);

/// The value of a raw position, clamped to the dimension's bounds first.
double decode(const Dimension& dimension, double raw);

/// A raw position that decodes to this value (the inverse of `decode`).
double encode(const Dimension& dimension, double value);

/// All that decides which value a position stands for: key, kind (`float`, `integer` or `categorical`), off, the
/// bounds of what is searched in a user's units (`low`, `high`, `scale`) or the `choices` by name, and the raw row.
/// What a study stores of each dimension, and compares when it is opened again.
nlohmann::json dimension_json(const Dimension& dimension);

}  // namespace murmur
