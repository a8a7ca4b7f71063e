// Tests of the tests of words and permutations.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/statistics/battery.hpp"
#include "bench/statistics/permutation_tests.hpp"
#include "bench/statistics/walk.hpp"
#include "bench/statistics/word_tests.hpp"
#include "murmur/engine/random/philox.hpp"

namespace murmur::bench {
namespace {

constexpr double kCaughtP = kLevel / 10'000;
constexpr int64_t kNumValues = 1'000'000;

double p_of(const std::vector<Outcome>& outcomes, const std::string& test) {
  const auto found = std::ranges::find(outcomes, test, &Outcome::test);
  EXPECT_NE(found, outcomes.end()) << test;
  return found == outcomes.end() ? 1 : found->p;
}

double least_p(const std::vector<Outcome>& outcomes) {
  return std::ranges::min(outcomes, {}, &Outcome::p).p;
}

/// The tests of a million words that `change` has broken; it may look at the place and the word before it.
template <class F>
std::vector<Outcome> tests_of(const F& change) {
  std::vector<uint32_t> words(static_cast<size_t>(kNumValues));
  read_words(walk("element"), 1, 0, words);
  for (size_t i = 1; i < words.size(); ++i) words[i] = change(i, words[i - 1], words[i]);
  return word_tests(words);
}

TEST(BrokenWords, AreSeen) {
  const auto a_bit = [](size_t i, uint32_t, uint32_t word) { return i % 50 == 0 ? word | 0x80u : word; };
  EXPECT_LT(p_of(tests_of(a_bit), "bits"), kCaughtP);
  const auto same_bytes = [](size_t i, uint32_t, uint32_t word) {
    return i % 100 == 0 ? (word & 0xffffff00u) | (word >> 8 & 0xffu) : word;
  };
  EXPECT_LT(p_of(tests_of(same_bytes), "bytes"), kCaughtP);
  // A word follows from its neighbour with bits turned round: no test of values sees that, the number of ones does.
  const auto turned = [](size_t i, uint32_t before, uint32_t word) {
    return i % 20 == 0 ? before << 13 | before >> 19 : word;
  };
  EXPECT_LT(p_of(tests_of(turned), "weights"), kCaughtP);
  const auto few_values = [](size_t, uint32_t, uint32_t word) { return word & 0xfffff000u; };
  EXPECT_LT(p_of(tests_of(few_values), "collisions"), kCaughtP);
  EXPECT_GT(least_p(tests_of([](size_t, uint32_t, uint32_t word) { return word; })), kCaughtP);
}

template <int kRounds>
Quad<uint32_t> fewer_rounds(uint64_t position, uint32_t site, uint32_t reserved, uint64_t key) {
  return philox<kRounds>(position, site, reserved, key);
}

// Philox with few rounds is a poor generator, and in different coordinates by different numbers of them.
TEST(BrokenPhilox, WithFewRoundsIsSeen) {
  const auto least = [](std::string_view order, Generator generator) {
    std::vector<uint32_t> words(static_cast<size_t>(kNumValues));
    read_words(walk(order), 1, 0, words, generator);
    return least_p(word_tests(words));
  };
  for (const Walk& order : walks()) {
    SCOPED_TRACE(order.name);
    EXPECT_LT(least(order.name, fewer_rounds<2>), kCaughtP);
    EXPECT_GT(least(order.name, fewer_rounds<10>), kCaughtP);
  }
  EXPECT_LT(least("element", fewer_rounds<3>), kCaughtP);
  EXPECT_LT(least_p(avalanche_tests(1, kNumValues, fewer_rounds<3>)), kCaughtP);
  EXPECT_LT(least_p(avalanche_tests(1, kNumValues, fewer_rounds<4>)), kCaughtP);
}

/// A word of its own for each draw and place.
uint32_t word_of(int64_t draw, int64_t index) {
  return philox(static_cast<uint64_t>(index), 77, 0, static_cast<uint64_t>(draw)).v[0];
}

/// Exactly uniform permutations (Fisher & Yates), which `change` may break.
template <class F>
Permutations shuffled(int64_t size, const F& change) {
  return {size, [=, cached = std::vector<int64_t>(), drawn = int64_t{-1}](int64_t draw, int64_t index) mutable {
            if (draw != drawn) {
              cached.resize(static_cast<size_t>(size));
              for (size_t i = 0; i < cached.size(); ++i) cached[i] = static_cast<int64_t>(i);
              for (size_t i = cached.size() - 1; i > 0; --i) {
                const uint64_t word = word_of(draw, static_cast<int64_t>(i));
                std::swap(cached[i], cached[static_cast<size_t>(word * (i + 1) >> 32)]);
              }
              change(cached);
              drawn = draw;
            }
            return cached[static_cast<size_t>(index)];
          }};
}

TEST(BrokenPermutations, AreSeen) {
  constexpr int64_t kSize = 1000;
  const auto intact = shuffled(kSize, [](std::vector<int64_t>&) {});
  EXPECT_GT(least_p(permutation_tests(intact, kNumValues)), kCaughtP);
  const Permutations turned{kSize, [](int64_t draw, int64_t index) { return (index + draw * 379) % kSize; }};
  EXPECT_LT(p_of(permutation_tests(turned, kNumValues), "serial"), kCaughtP);
  const Permutations same{kSize, [=](int64_t draw, int64_t index) { return intact.image(draw / 2, index); }};
  EXPECT_LT(p_of(permutation_tests(same, kNumValues), "neighbours"), kCaughtP);
  const auto all_moved = shuffled(kSize, [](std::vector<int64_t>& image) {
    for (size_t i = 0; i + 1 < image.size(); ++i) {
      if (image[i] == static_cast<int64_t>(i)) std::swap(image[i], image[i + 1]);
    }
  });
  EXPECT_LT(p_of(permutation_tests(all_moved, kNumValues), "fixed points"), kCaughtP);
  const auto parted = shuffled(kSize, [](std::vector<int64_t>& image) {
    for (size_t i = 0; i + 2 < image.size(); ++i) {
      if (image[i + 1] == image[i] + 1) std::swap(image[i + 1], image[i + 2]);
    }
  });
  EXPECT_LT(p_of(permutation_tests(parted, kNumValues), "successions"), kCaughtP);
  const Permutations doubled{kSize, [=](int64_t draw, int64_t index) { return intact.image(draw, index) & ~1; }};
  EXPECT_LT(p_of(permutation_tests(doubled, kNumValues), "bijection"), kCaughtP);
  const auto drawn_up = shuffled(kSize, [](std::vector<int64_t>& image) {
    for (size_t i = 0; i < image.size() / 2; ++i) {
      if (image[i] > image[image.size() - 1 - i] && i % 8 == 0) std::swap(image[i], image[image.size() - 1 - i]);
    }
  });
  EXPECT_LT(p_of(permutation_tests(drawn_up, kNumValues), "order"), kCaughtP);
}

// The well-known mistake: each place swapped with any other one. Of three, some orders come 5 times and others 4 in 27.
TEST(BrokenPermutations, OrdersThatAreNotAsLikelyAreSeen) {
  const Permutations naive{3, [](int64_t draw, int64_t index) {
                             int64_t image[] = {0, 1, 2};
                             for (int64_t i = 0; i < 3; ++i) {
                               std::swap(image[i], image[static_cast<uint64_t>(word_of(draw, i)) * 3 >> 32]);
                             }
                             return image[index];
                           }};
  EXPECT_LT(test_all_orders(naive, 100'000).p, kCaughtP);
  EXPECT_LT(test_two_images(naive, 100'000).p, kCaughtP);
  for (const int64_t size : {3, 4, 5, 6}) {
    EXPECT_GT(test_all_orders(shuffled(size, [](std::vector<int64_t>&) {}), 100'000).p, kCaughtP) << size;
    EXPECT_GT(test_two_images(shuffled(size, [](std::vector<int64_t>&) {}), 100'000).p, kCaughtP) << size;
  }
}

}  // namespace
}  // namespace murmur::bench
