#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// The techniques that a search varies, and the map between a position of the swarm and a `Setting`.
///
/// A position holds one number per searched technique, in the study's raw units (the raw_* columns of the technique
/// table); a `Setting` holds values as a user writes them. Everything is read off the technique table.
class SearchSpace {
 public:
  /// One dimension per technique, in this order. Throws: InvalidArgument when the list is empty or repeats one.
  explicit SearchSpace(std::vector<Technique> techniques);

  /// All techniques, in the order of the study.
  static SearchSpace all();

  int64_t num_dimensions() const { return static_cast<int64_t>(techniques_.size()); }
  const std::vector<Technique>& techniques() const { return techniques_; }
  const TechniqueInfo& info(int64_t dimension) const;

  /// One entry per dimension: the bounds and the off position in raw units, the techniques' keys, and whether the
  /// sparse initialisation may set the dimension to off.
  std::vector<double> low() const;
  std::vector<double> high() const;
  std::vector<double> off() const;
  std::vector<std::string_view> keys() const;
  std::vector<bool> sparse() const;

  /// The setting of a position, clamped to the bounds first. Dimensions that are not searched keep the base's values.
  /// Throws: InvalidArgument when the position has another number of dimensions, or is NaN or infinite somewhere.
  Setting decode(std::span<const double> position, const Setting& base = {}) const;

  /// A position that decodes to the setting's values of the searched dimensions: exactly for off, choices and identity
  /// dimensions, to an ulp or so for powers of ten. A value outside of the searched range (a batch size of 64) becomes
  /// the nearest bound.
  std::vector<double> encode(const Setting& setting) const;

  bool operator==(const SearchSpace&) const = default;

 private:
  std::vector<Technique> techniques_;
};

/// The study's sparse initialisation: `num_particles` uniform positions, in each of which at most `num_kept` random
/// ones of the sparse dimensions stay and the other sparse ones are off. Dimensions that are not sparse always stay
/// random. Random: addressed by (seed, particle, dimension); what stays equals the swarm's own uniform initialisation.
/// Throws: InvalidArgument.
std::vector<std::vector<double>> sparse_initial_positions(const SearchSpace& space, int64_t num_particles,
                                                          uint64_t seed, int64_t num_kept = 4);

}  // namespace murmur
