#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "murmur/pso/dimensions.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// The techniques that a search varies, and the map between a searcher's position and a `Setting`.
///
/// A position holds one number per searched technique, in the study's raw units (the table of dimensions); a `Setting`
/// holds values as a user writes them.
class SearchSpace {
 public:
  /// One dimension per technique, in this order. Throws: InvalidArgument when the list is empty or repeats one.
  explicit SearchSpace(std::vector<Technique> techniques);

  /// All techniques, in the order of the study.
  static SearchSpace all();

  int64_t num_dimensions() const { return static_cast<int64_t>(techniques_.size()); }
  const std::vector<Technique>& techniques() const { return techniques_; }

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

  /// An array of `dimension_json`, one a dimension.
  nlohmann::json to_json() const;

  bool operator==(const SearchSpace&) const = default;

 private:
  std::vector<Technique> techniques_;
};

}  // namespace murmur
