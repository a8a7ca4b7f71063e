#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "murmur/pso/search_domain.hpp"
#include "murmur/pso/search_space.hpp"

// Where searches begin. Random: addressed by (seed, particle, dimension), so the first positions are the same ones
// however many there are.
namespace murmur {

/// Bounds of at most 2^12 dimensions, each finite and low <= high, at most 2^20 particles: what the address of a draw
/// has room for. Throws: InvalidArgument.
inline constexpr int64_t kMaxParticles = int64_t{1} << 20;
inline constexpr int64_t kNumKept = 4;  // of the study: what the sparse initialisation leaves on
void check_bounds(const std::vector<double>& low, const std::vector<double>& high);
void check_num_particles(int64_t num_particles);

/// The uniform random position of one particle within the bounds, which have been checked.
std::vector<double> uniform_position(const std::vector<double>& low, const std::vector<double>& high, int64_t particle,
                                     uint64_t seed);

/// Those of the first particles: where a swarm of this seed starts. Throws: InvalidArgument.
std::vector<std::vector<double>> uniform_initial_positions(const std::vector<double>& low,
                                                           const std::vector<double>& high, int64_t num_particles,
                                                           uint64_t seed);

/// The dimensions in a random order, addressed by (seed, particle, dimension).
std::vector<size_t> random_order(std::vector<size_t> dimensions, int64_t particle, uint64_t seed);

/// The study's sparse initialisation: a uniform position in which at most `num_kept` random ones of the sparse
/// dimensions stay and the other sparse ones are off. Dimensions that are not sparse always stay random. What stays
/// equals the uniform initialisation. The bounds have been checked.
std::vector<double> sparse_position(const SearchDomain& domain, int64_t particle, uint64_t seed,
                                    int64_t num_kept = kNumKept);

/// Those of the first particles. Throws: InvalidArgument.
std::vector<std::vector<double>> sparse_initial_positions(const SearchSpace& space, int64_t num_particles,
                                                          uint64_t seed, int64_t num_kept = kNumKept);

/// What searchers offer as `initialization`.
inline constexpr std::array<std::string_view, 2> kPositionInitializations{"sparse", "uniform"};

/// The first positions of a searcher: `starts`, and from their number on those of one of the initialisations; the
/// numbers of what follows stay as they are without starts. Throws: InvalidArgument where there are more starts than
/// positions.
std::vector<std::vector<double>> initial_positions(const SearchDomain& domain, std::string_view initialization,
                                                   int64_t num_positions, uint64_t seed,
                                                   const std::vector<std::vector<double>>& starts);

}  // namespace murmur
