#include "murmur/pso/bounds_handling.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "murmur/engine/error.hpp"

namespace murmur {

BoundsHandling parse_bounds_handling(std::string_view name) {
  const auto* const found = std::ranges::find(kBoundsHandlings, name);
  if (found == kBoundsHandlings.end()) {
    throw InvalidArgument("bounds: expected one of {}, got '{}'", fmt::join(kBoundsHandlings, ", "), name);
  }
  return static_cast<BoundsHandling>(found - kBoundsHandlings.begin());
}

Motion step_within(BoundsHandling handling, const Motion& motion, double low, double high, double uniform) {
  const double velocity = motion.velocity;
  const double next = motion.position + velocity;
  const double clamped = std::clamp(next, low, high);
  if (clamped == next) return {clamped, velocity};
  // The clamps below are for rounding alone: a step is no longer than the range.
  switch (handling) {
    case BoundsHandling::kClamp:
      break;
    case BoundsHandling::kReflect:
      return {std::clamp(clamped - (next - clamped), low, high), -velocity};
    case BoundsHandling::kAbsorb:
      return {clamped, 0};
    case BoundsHandling::kRandom:
      return {std::clamp(low + uniform * (high - low), low, high), velocity};
    case BoundsHandling::kPeriodic:
      return {std::clamp(next < low ? next + (high - low) : next - (high - low), low, high), velocity};
  }
  return {clamped, velocity};
}

}  // namespace murmur
