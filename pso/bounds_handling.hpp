#pragma once

#include <array>
#include <cstdint>
#include <string_view>

// What becomes of a particle that would leave the bounds.
namespace murmur {

/// Source: Helwig, Branke & Mostaghim, "Experimental analysis of bound handling techniques in particle swarm
///         optimization", IEEE Trans. Evol. Comput. 17 (2013); periodic: Zhang, Xie & Bi, CEC 2004.
enum class BoundsHandling : uint8_t {
  kClamp,     // it stops at the bound and keeps its velocity
  kReflect,   // it bounces: position mirrored at the bound, velocity reversed
  kAbsorb,    // it stops at the bound, its velocity there is 0
  kRandom,    // a uniform random position in this dimension; it keeps its velocity
  kPeriodic,  // it comes in again at the other bound; it keeps its velocity
};
inline constexpr std::array<std::string_view, 5> kBoundsHandlings{"clamp", "reflect", "absorb", "random", "periodic"};

/// Of one of `kBoundsHandlings`. Throws: InvalidArgument.
BoundsHandling parse_bounds_handling(std::string_view name);

/// Position and velocity in one dimension.
struct Motion {
  double position, velocity;
};

/// One step from within [low, high]: position + velocity, within the bounds. |velocity| <= high - low. `uniform` in
/// (0, 1) is what kRandom draws.
Motion step_within(BoundsHandling handling, const Motion& motion, double low, double high, double uniform);

}  // namespace murmur
