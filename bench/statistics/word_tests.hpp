#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/statistics/outcome.hpp"
#include "bench/statistics/walk.hpp"

// Tests of the generator's words.
namespace murmur::bench {

/// Tests of words in their order.
///   bits         how often each of the 32 bits is 1
///   bytes        chi-square of the pairs of bytes 0 and 1, and 2 and 3
///   weights      correlation of the numbers of ones in neighbouring words
///   collisions   how many different values their upper bits have, four times as many being possible as there are
///                words: exact mean and variance of occupied cells
/// and order_tests and sample_tests of the uniforms that their upper 23 bits are.
/// Shapes: at least 8,192 words.
std::vector<Outcome> word_tests(std::span<const uint32_t> words);

/// Turns round each of the 160 bits of seed, site and position, of n addresses in all.
///   flips          the number of bits of 128 that turn with it is binomial: chi-square
///   by input bit   its mean, for each bit of the address: chi-square
///   by output bit  how often each bit of the four words turns: chi-square
/// Shapes: n at least 16,000.
std::vector<Outcome> avalanche_tests(uint64_t seed, int64_t n, Generator generator = philox_10);

}  // namespace murmur::bench
