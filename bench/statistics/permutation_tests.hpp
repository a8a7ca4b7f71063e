#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/statistics/outcome.hpp"

// Tests of permutations as the shuffle draws them.
namespace murmur::bench {

/// Permutations of 0 .. size - 1: image(draw, index) is where the draw-th one sends an index.
struct Permutations {
  int64_t size = 0;
  std::function<int64_t(int64_t draw, int64_t index)> image;
};

/// Tests of n / size draws, for sizes of 100 and more.
///   bijection         what is hit twice or lies outside
///   serial            correlation of neighbours' images (Wald & Wolfowitz 1943: mean and variance are exact)
///   order             correlation of index and image
///   neighbours        correlation of the images of one index in draws 0 and 1, 2 and 3, ...
///   fixed points      their number is Poisson's, mean 1, to 1 / size!
///   successions       the number of i with image(i + 1) = image(i) + 1: Poisson's, mean 1, to 1 / size
/// The last two need 200 draws, else they are left out.
std::vector<Outcome> permutation_tests(const Permutations& permutations, int64_t n);

/// That all pairs of image(0) and image(1) are as likely: chi-square of n draws. Shapes: n >= 5 size^2.
Outcome test_two_images(const Permutations& permutations, int64_t n);

/// That all size! orders are as likely: chi-square of n draws. Shapes: size in [2, 6].
Outcome test_all_orders(const Permutations& permutations, int64_t n);

}  // namespace murmur::bench
