#pragma once

#include <cstdint>

#include "murmur/engine/random/philox.hpp"

namespace murmur {

/// What a draw of the search is for; part of its address, and different from the addresses of training.
enum class SwarmStream : uint32_t {
  kMove = 0x50534F01,      // move 0: initial position, initial velocity; move k: the cognitive and the social number
  kSparse = 0x50534F02,    // which dimensions the sparse initialisation keeps
  kBounds = 0x50534F03,    // where a particle comes back within the bounds; how one that stands still sets off
  kInformed = 0x50534F04,  // a fully informed particle: one number an informant
  kComprehensive = 0x50534F05,  // from whom a particle learns: two pairs a dimension
  kEvolution = 0x50534F06,      // differential evolution: parents, crossover, parameters
  kGaussian = 0x50534F07,       // normal steps of an evolution strategy
  kParzen = 0x50534F08,         // draws of Parzen estimators
};

/// Two numbers of one address.
struct UniformPair {
  double first, second;
};

/// Two uniform numbers in the open interval (0, 1), 52 bits each.
/// Random: key = the swarm's seed; counter = move | particle and dimension | stream. Stateless, so a particle's k-th
///         move draws the same numbers in whatever order the particles are evaluated.
inline UniformPair swarm_uniforms(uint64_t seed, SwarmStream stream, int64_t particle, int64_t move,
                                  int64_t dimension) {
  // Particles and dimensions share 32 bits of the counter: 2^20 particles, 2^12 dimensions (the swarm checks both).
  const uint32_t site = (static_cast<uint32_t>(particle) << 12) | static_cast<uint32_t>(dimension);
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(move), site, static_cast<uint32_t>(stream), seed);
  const auto uniform = [](uint32_t high, uint32_t low) {
    const uint64_t bits = (static_cast<uint64_t>(high) << 32) | low;
    return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
  };
  return {uniform(words.v[0], words.v[1]), uniform(words.v[2], words.v[3])};
}

}  // namespace murmur
