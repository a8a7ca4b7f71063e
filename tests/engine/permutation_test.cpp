#include "murmur/engine/random/permutation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace murmur {
namespace {

class PermutationSize : public ::testing::TestWithParam<uint64_t> {};

TEST_P(PermutationSize, IsABijection) {
  const uint64_t size = GetParam();
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    const Permutation permutation(size, 7, 0, epoch);
    std::vector<bool> seen(size, false);
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t image = permutation(i);
      ASSERT_LT(image, size);
      ASSERT_FALSE(seen[image]) << image << " comes twice";
      seen[image] = true;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, PermutationSize, ::testing::Values(1, 2, 3, 4, 5, 127, 128, 48000, 60000));

// Two independent permutations of n agree in Poisson(1) places; more than 12 has probability < 1e-9.
TEST(Permutation, DiffersByKeySiteAndEpoch) {
  constexpr uint64_t kSize = 48000;
  const Permutation base(kSize, 7, 0, 0);
  const Permutation others[] = {
      {kSize, 8, 0, 0}, {kSize, 7 + (uint64_t{1} << 32), 0, 0}, {kSize, 7, 1, 0}, {kSize, 7, 0, 1}};
  for (const Permutation& other : others) {
    int agreements = 0;
    for (uint64_t i = 0; i < kSize; ++i) agreements += base(i) == other(i) ? 1 : 0;
    EXPECT_LE(agreements, 12);
  }
}

TEST(Permutation, IsTheSameEveryTime) {
  const Permutation a(60000, 5, 0, 2);
  const Permutation b(60000, 5, 0, 2);
  for (uint64_t i = 0; i < 60000; i += 7) ASSERT_EQ(a(i), b(i));
}

/// Chi-square of `counts` against uniform as a z-score: it has mean k - 1 and variance 2 (k - 1).
double chi_square_z(const std::vector<int>& counts, double total) {
  const double expected = total / static_cast<double>(counts.size());
  double chi = 0;
  for (const int count : counts) chi += (count - expected) * (count - expected) / expected;
  const double freedom = static_cast<double>(counts.size()) - 1;
  return (chi - freedom) / std::sqrt(2 * freedom);
}

// The image of one index over many keys, and over many epochs of one key, is uniform: 5 standard deviations of a
// chi-square with 126 degrees of freedom either way (a lattice would be far too even).
TEST(Permutation, ImagesAreUniformOverKeysAndEpochs) {
  constexpr uint64_t kSize = 127;
  constexpr uint64_t kDraws = 127 * 400;
  for (const uint64_t index : {uint64_t{0}, uint64_t{1}, kSize - 1}) {
    std::vector<int> by_key(kSize), by_epoch(kSize);
    for (uint64_t i = 0; i < kDraws; ++i) {
      ++by_key[Permutation(kSize, i, 0, 0)(index)];
      ++by_epoch[Permutation(kSize, 99, 0, i)(index)];
    }
    EXPECT_LT(std::abs(chi_square_z(by_key, kDraws)), 5) << "index " << index;
    EXPECT_LT(std::abs(chi_square_z(by_epoch, kDraws)), 5) << "index " << index;
  }
}

// All 6 orders of 3 are equally likely: 5 degrees of freedom; P(chi-square > 40) < 2e-7.
TEST(Permutation, AllOrdersOfThreeComeEquallyOften) {
  std::vector<int> counts(27);
  constexpr uint64_t kDraws = 60000;
  for (uint64_t key = 0; key < kDraws; ++key) {
    const Permutation permutation(3, key, 0, 0);
    ++counts[9 * permutation(0) + 3 * permutation(1) + permutation(2)];
  }
  double chi = 0;
  for (const int count : counts) {
    if (count > 0) chi += (count - 10000.0) * (count - 10000.0) / 10000.0;
  }
  EXPECT_EQ(27 - std::ranges::count(counts, 0), 6);
  EXPECT_LT(chi, 40);
}

// Neighbours must not stay neighbours: image(i + 1) - image(i) is 1 with probability 1/n each, so Poisson(1) over all
// i.
TEST(Permutation, NeighboursPart) {
  const Permutation permutation(48000, 3, 0, 0);
  int neighbours = 0;
  for (uint64_t i = 0; i + 1 < 48000; ++i) neighbours += permutation(i + 1) == permutation(i) + 1 ? 1 : 0;
  EXPECT_LE(neighbours, 12);
}

}  // namespace
}  // namespace murmur
