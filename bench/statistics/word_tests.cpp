#include "bench/statistics/word_tests.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <iterator>

#include "bench/statistics/sample_tests.hpp"
#include "murmur/engine/random/distributions.hpp"

namespace murmur::bench {
namespace {

/// Counts of fair coins, each thrown n times: the sum of squared z scores.
Outcome from_coins(std::string test, std::span<const int64_t> heads, double n) {
  double sum = 0;
  for (const int64_t count : heads) {
    const double z = (static_cast<double>(count) - n / 2) / std::sqrt(n / 4);
    sum += z * z;
  }
  return from_chi_square(std::move(test), sum, static_cast<double>(heads.size()));
}

Outcome test_bits(std::span<const uint32_t> words) {
  std::array<int64_t, 32> ones{};
  for (const uint32_t word : words) {
    for (size_t bit = 0; bit < 32; ++bit) ones[bit] += word >> bit & 1;
  }
  return from_coins("bits", ones, static_cast<double>(words.size()));
}

/// Of few words only the upper halves of the bytes: a cell must expect five pairs.
Outcome test_bytes(std::span<const uint32_t> words) {
  const uint32_t bits = 2 * words.size() >= size_t{5} << 16 ? 8 : 4;
  std::vector<int64_t> counts(size_t{1} << (2 * bits));
  for (const uint32_t word : words) {
    for (const uint32_t half : {word >> 16, word & 0xffff}) {
      const uint32_t high = half >> (16 - bits);
      const uint32_t low = (half & 0xff) >> (8 - bits);
      ++counts[high << bits | low];
    }
  }
  const std::vector<double> probabilities(counts.size(), 1 / static_cast<double>(counts.size()));
  return from_counts("bytes", counts, probabilities);
}

/// The number of ones has mean 16 and variance 8.
Outcome test_weights(std::span<const uint32_t> words) {
  double sum = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    sum += (std::popcount(words[i]) - 16.0) * (std::popcount(words[i + 1]) - 16.0) / 8;
  }
  return from_z("weights", sum / std::sqrt(static_cast<double>(words.size() - 1)));
}

/// Source: Knuth, The Art of Computer Programming 2, 3.3.2 I.
Outcome test_collisions(std::span<const uint32_t> words) {
  const int bits = std::min(32, static_cast<int>(std::bit_width(words.size() - 1)) + 2);
  std::vector<bool> seen(size_t{1} << bits);
  int64_t num_seen = 0;
  for (const uint32_t word : words) {
    const uint32_t cell = word >> (32 - bits);
    num_seen += seen[cell] ? 0 : 1;
    seen[cell] = true;
  }
  const auto n = static_cast<long double>(words.size());
  const long double cells = std::exp2(static_cast<long double>(bits));
  const long double empty = std::exp(n * std::log1p(-1 / cells));  // the probability that a cell is
  const long double both = n * (std::log1p(-2 / cells) - 2 * std::log1p(-1 / cells));
  const long double variance =
      cells * cells * empty * empty * std::expm1(both) + cells * (empty - empty * empty * std::exp(both));
  const auto z = (static_cast<long double>(num_seen) - cells * (1 - empty)) / std::sqrt(variance);
  return from_z("collisions", static_cast<double>(z));
}

constexpr int kAddressBits = 160;
constexpr int kWordBits = 128;

/// The i-th address of those whose `bit` is to be turned: 0 .. 63 of the seed, then 32 of the site, 64 of the position.
/// No address is used twice: each bit has sites of its own, or (bits of the site) positions, and what is turned is 0.
Address address_of(uint64_t seed, int bit, int64_t i) {
  const auto number = static_cast<uint64_t>(i);
  if (bit >= 64 && bit < 96) return {seed, 1, static_cast<uint64_t>(bit) << 40 | number};
  const auto site = static_cast<uint32_t>(bit + 2);
  if (bit < 64) return {seed, site, number};
  const uint64_t below = (uint64_t{1} << (bit - 96)) - 1;
  return {seed, site, (number & ~below) << 1 | (number & below)};
}

Address turned(Address address, int bit) {
  if (bit < 64) {
    address.seed ^= uint64_t{1} << bit;
  } else if (bit < 96) {
    address.site ^= uint32_t{1} << (bit - 64);
  } else {
    address.position ^= uint64_t{1} << (bit - 96);
  }
  return address;
}

/// Chi-square of a histogram of binomial numbers of kWordBits fair coins, tails together where they expect too few.
Outcome test_flips(const std::vector<int64_t>& histogram, double n) {
  const boost::math::binomial law(kWordBits, 0.5);
  std::vector<int64_t> counts;
  std::vector<double> probabilities;
  int64_t count = 0;
  double probability = 0;
  double left = 1;
  for (int k = 0; k <= kWordBits; ++k) {
    count += histogram[static_cast<size_t>(k)];
    const double one = boost::math::pdf(law, k);
    probability += one;
    left -= one;
    if (k < kWordBits && (n * probability < 10 || n * left < 10)) continue;
    counts.push_back(count);
    probabilities.push_back(probability);
    count = 0;
    probability = 0;
  }
  return from_counts("flips", counts, probabilities);
}

}  // namespace

std::vector<Outcome> word_tests(std::span<const uint32_t> words) {
  std::vector<Outcome> outcomes{test_bits(words), test_bytes(words), test_weights(words), test_collisions(words)};
  std::vector<float> uniforms;
  uniforms.reserve(words.size());
  for (const uint32_t word : words) uniforms.push_back(uniform(word));
  const Law law = uniform_law(0, 1);
  std::ranges::move(order_tests(uniforms, law), std::back_inserter(outcomes));
  std::ranges::move(sample_tests(uniforms, law), std::back_inserter(outcomes));
  return outcomes;
}

std::vector<Outcome> avalanche_tests(uint64_t seed, int64_t n, Generator generator) {
  const int64_t num_addresses = n / kAddressBits;
  std::vector<int64_t> histogram(kWordBits + 1);
  std::vector<int64_t> by_output(kWordBits);
  double by_input = 0;
  for (int bit = 0; bit < kAddressBits; ++bit) {
    int64_t num_flips = 0;
    for (int64_t i = 0; i < num_addresses; ++i) {
      const Address address = address_of(seed, bit, i);
      const Address other = turned(address, bit);
      const Quad<uint32_t> a = generator(address.position, address.site, 0, address.seed);
      const Quad<uint32_t> b = generator(other.position, other.site, 0, other.seed);
      int flips = 0;
      for (size_t k = 0; k < kWordBits; ++k) {
        const auto flip = static_cast<int>((a.v[k / 32] ^ b.v[k / 32]) >> (k % 32) & 1);
        by_output[k] += flip;
        flips += flip;
      }
      ++histogram[static_cast<size_t>(flips)];
      num_flips += flips;
    }
    const double throws = static_cast<double>(num_addresses) * kWordBits;
    const double z = (static_cast<double>(num_flips) - throws / 2) / std::sqrt(throws / 4);
    by_input += z * z;
  }
  const auto total = static_cast<double>(num_addresses * kAddressBits);
  return {test_flips(histogram, total), from_chi_square("by input bit", by_input, kAddressBits),
          from_coins("by output bit", by_output, total)};
}

}  // namespace murmur::bench
