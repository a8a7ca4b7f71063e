#include "murmur/pso/analysis/designed_sample.hpp"

#include <boost/random/sobol.hpp>

#include "murmur/engine/error.hpp"
#include "murmur/engine/random/permutation.hpp"
#include "murmur/engine/random/philox.hpp"

namespace murmur {
namespace {

using SobolSequence = boost::random::sobol_engine<uint32_t, 32>;

constexpr int64_t kMaxPoints = int64_t{1} << 31;
constexpr int64_t kMaxDimensions = 1024;
// The draws of a sample: no technique has these numbers, see make_site.
constexpr uint32_t kScrambleSite = 0xD1000000u;
constexpr uint32_t kStratumSite = 0xD2000000u;
constexpr uint32_t kOffsetSite = 0xD3000000u;

/// Nested uniform scrambling: a bit is flipped or not by a draw of its own for every value of the bits above it.
uint32_t scramble(uint32_t bits, uint32_t dimension, uint64_t seed) {
  uint32_t scrambled = 0;
  for (uint32_t k = 0; k < 32; ++k) {
    const uint32_t above = k == 0 ? 0 : bits >> (32 - k);
    const uint64_t position = (static_cast<uint64_t>(k) << 32) | above;
    const uint32_t flip = philox(position, kScrambleSite | dimension, 0, seed).v[0] & 1u;
    scrambled |= (((bits >> (31 - k)) & 1u) ^ flip) << (31 - k);
  }
  return scrambled;
}

double unit(uint32_t bits) {
  return (static_cast<double>(bits) + 0.5) * 0x1p-32;
}

}  // namespace

DesignedSample::DesignedSample(Design design, int64_t num_points, int64_t num_dimensions, uint64_t seed)
    : design_(design), num_points_(num_points), num_dimensions_(num_dimensions), seed_(seed) {
  if (num_points < 1 || num_points > kMaxPoints) {
    throw InvalidArgument("designed sample: expected 1 to 2^31 points, got {}", num_points);
  }
  if (num_dimensions < 1 || num_dimensions > kMaxDimensions) {
    throw InvalidArgument("designed sample: expected 1 to {} dimensions, got {}", kMaxDimensions, num_dimensions);
  }
}

std::vector<double> DesignedSample::point(int64_t i) const {
  if (i < 0 || i >= num_points_) {
    throw InvalidArgument("designed sample: expected a point below {}, got {}", num_points_, i);
  }
  return design_ == Design::kSobol ? sobol_point(i) : latin_hypercube_point(i);
}

std::vector<double> DesignedSample::point(int64_t i, std::span<const double> low, std::span<const double> high) const {
  const auto expected = static_cast<size_t>(num_dimensions_);
  if (low.size() != expected || high.size() != expected) {
    throw InvalidArgument("designed sample: expected the bounds of {} dimensions, got {} and {}", expected, low.size(),
                          high.size());
  }
  std::vector<double> result = point(i);
  for (size_t d = 0; d < expected; ++d) result[d] = low[d] + result[d] * (high[d] - low[d]);
  return result;
}

std::vector<double> DesignedSample::sobol_point(int64_t i) const {
  std::vector<uint32_t> bits(static_cast<size_t>(num_dimensions_), 0);
  if (i > 0) {  // Boost leaves out the point 0, without which the first 2^k points are not even.
    SobolSequence sequence(bits.size());
    sequence.seed(static_cast<uint32_t>(i - 1));
    sequence.generate(bits.begin(), bits.end());
  }
  std::vector<double> result;
  for (uint32_t d = 0; d < bits.size(); ++d) result.push_back(unit(scramble(bits[d], d, seed_)));
  return result;
}

std::vector<double> DesignedSample::latin_hypercube_point(int64_t i) const {
  std::vector<double> result;
  for (uint32_t d = 0; d < static_cast<uint32_t>(num_dimensions_); ++d) {
    const Permutation strata(static_cast<uint64_t>(num_points_), seed_, kStratumSite | d, 0);
    const auto stratum = static_cast<double>(strata(static_cast<uint64_t>(i)));
    const double offset = unit(philox(static_cast<uint64_t>(i), kOffsetSite | d, 0, seed_).v[0]);
    result.push_back((stratum + offset) / static_cast<double>(num_points_));
  }
  return result;
}

}  // namespace murmur
