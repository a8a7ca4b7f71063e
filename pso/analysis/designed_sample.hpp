#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace murmur {

/// How a designed sample fills its box: both put their points evenly along every dimension; Sobol's sequence does so in
/// many projections at once and for every beginning of the sample, the Latin hypercube for its whole number of points.
enum class Design : uint8_t { kSobol, kLatinHypercube };

/// Points that fill the unit cube evenly and at random, independent of what is found there: only from such points do
/// correlations and importances say something of the whole box.
///
/// kSobol: nested uniform scrambling: of every 2^k points from a multiple of 2^k on, one lies in each of the 2^k equal
///   intervals of each dimension. A sample can be continued.
/// kLatinHypercube: of all num_points points, one lies in each of so many equal intervals of each dimension.
///
/// Random: point i is addressed by (seed, i, dimension): any one is had alone, in any order.
/// Source: Sobol 1967; Joe & Kuo 2008 (direction numbers, Boost); Owen 1995; McKay, Beckman & Conover 1979.
class DesignedSample {
 public:
  /// Shapes: num_points in [1, 2^31], num_dimensions in [1, 1024]. Throws: InvalidArgument.
  DesignedSample(Design design, int64_t num_points, int64_t num_dimensions, uint64_t seed);

  int64_t num_points() const { return num_points_; }
  int64_t num_dimensions() const { return num_dimensions_; }

  /// Coordinates in the open interval (0, 1), one a dimension. Throws: InvalidArgument for i outside of the sample.
  std::vector<double> point(int64_t i) const;

  /// The same point in a box. Throws: InvalidArgument where the bounds are not those of as many dimensions.
  std::vector<double> point(int64_t i, std::span<const double> low, std::span<const double> high) const;

 private:
  std::vector<double> sobol_point(int64_t i) const;
  std::vector<double> latin_hypercube_point(int64_t i) const;

  Design design_;
  int64_t num_points_, num_dimensions_;
  uint64_t seed_;
};

}  // namespace murmur
