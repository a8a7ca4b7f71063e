#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "murmur/pso/dimensions.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

/// The techniques that a search varies, and the map between a searcher's position and a `Setting`.
///
/// A position holds one number per searched technique, in raw units (`Dimension`); a `Setting`
/// holds values as a user writes them.
class SearchSpace {
 public:
  /// In this order. Throws: InvalidArgument when the list is empty or repeats a key, or where a dimension exists
  /// only with another that itself does not always exist.
  explicit SearchSpace(std::vector<Dimension> dimensions);
  /// The study's dimensions of these techniques.
  explicit SearchSpace(const std::vector<Technique>& techniques);

  /// The study's: all its techniques, in its order.
  static SearchSpace all();

  int64_t num_dimensions() const { return static_cast<int64_t>(dimensions_.size()); }
  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  /// The dimension of a technique, not of its schedule; null where it is not searched.
  const Dimension* find(Technique id) const;

  /// One entry per dimension: the bounds and the off position in raw units, the keys, and whether the
  /// sparse initialisation may set the dimension to off.
  std::vector<double> low() const;
  std::vector<double> high() const;
  std::vector<double> off() const;
  std::vector<std::string> keys() const;
  std::vector<bool> sparse() const;

  /// The setting of a position, clamped to the bounds first. What is not searched, or does not exist with the others'
  /// values, keeps the base's.
  /// Throws: InvalidArgument when the position has another number of dimensions, or is NaN or infinite somewhere.
  Setting decode(std::span<const double> position, const Setting& base = {}) const;

  /// A position that decodes to the setting's values of the searched dimensions, as `murmur::encode` does for each.
  std::vector<double> encode(const Setting& setting) const;

  /// False for a dimension that does not exist with these values of the others: of a schedule, where its technique is
  /// off.
  static bool exists(const Dimension& dimension, const Setting& setting);

  /// An array of `dimension_json`, one a dimension; and the inverse, which throws InvalidArgument.
  nlohmann::json to_json() const;
  static SearchSpace from_json(const nlohmann::json& array);

  bool operator==(const SearchSpace&) const = default;

 private:
  std::vector<Dimension> dimensions_;
};

}  // namespace murmur
