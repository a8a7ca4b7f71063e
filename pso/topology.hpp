#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

// Which particles of a swarm see one another's bests.
namespace murmur {

enum class Topology : uint8_t {
  kStar,        // everybody sees everybody
  kRing,        // so many on either side; the last and the first are neighbours
  kVonNeumann,  // four: those beside, and those a row of a grid away, whose edges are joined
};
inline constexpr std::array<std::string_view, 3> kTopologies{"star", "ring", "von-neumann"};

/// Of one of `kTopologies`. Throws: InvalidArgument.
Topology parse_topology(std::string_view name);

/// The neighbours of each particle, itself first, each once. Neighbourhood is mutual. Empty for a star, in which all
/// are. `ring_radius` >= 1 is the number of neighbours on either side in a ring. Source: Kennedy & Mendes, "Population
/// structure and particle swarm performance", CEC 2002. A grid whose last row is
///         not full is wound up as one spiral: the neighbours of p are p +- 1 and p +- the width, modulo the number.
std::vector<std::vector<int64_t>> neighbours(Topology topology, int64_t num_particles, int64_t ring_radius);

}  // namespace murmur
