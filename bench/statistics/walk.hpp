#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "murmur/engine/quad.hpp"

// Orders in which the words of the generator can be read: as a stream that steps through one coordinate of their
// addresses. What is independent of its neighbours in that coordinate is a stream of independent words.
namespace murmur::bench {

/// What philox is asked for.
struct Address {
  uint64_t seed = 0;
  uint32_t site = 0;
  uint64_t position = 0;
};

struct Walk {
  std::string_view name;
  std::string_view help;
  int num_words;                             // of each address: all four, or the first
  Address (*at)(uint64_t seed, uint64_t i);  // the i-th address
};

std::span<const Walk> walks();

/// The walk of this name. Throws: InvalidArgument, naming the walks there are.
const Walk& walk(std::string_view name);

/// A generator in philox's place, for the tests of the tests.
using Generator = Quad<uint32_t> (*)(uint64_t position, uint32_t site, uint32_t reserved, uint64_t key);
Quad<uint32_t> philox_10(uint64_t position, uint32_t site, uint32_t reserved, uint64_t key);

/// The words `first`, first + 1, ... of a walk. Shapes: first a multiple of four.
void read_words(const Walk& walk, uint64_t seed, uint64_t first, std::span<uint32_t> words,
                Generator generator = philox_10);

}  // namespace murmur::bench
