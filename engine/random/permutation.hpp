#pragma once

#include <cstdint>

#include "murmur/engine/random/philox.hpp"
#include "murmur/engine/target.hpp"

namespace murmur {

/// A keyed permutation of 0 .. size-1, of which any single image can be computed: a Feistel network on the next even
/// number of bits, with cycle walking back into the range. No arrays; one permutation per key and site.
///
/// Shapes: size in [1, 2^31]. All orders of up to 16 are as likely. Of more, even permutations come more often, and of
///         a whole power of four always, as every round of such a network is one (docs/statistics.md).
/// Source: Black & Rogaway 2002, "Ciphers with arbitrary finite domains"; the round function is the finaliser of
/// MurmurHash3 (Appleby), a mixer and no cryptography.
class Permutation {
 public:
  MURMUR_HD Permutation(uint64_t size, uint64_t key, uint32_t site, uint64_t position) : size_(size) {
    while ((uint64_t{1} << (2 * half_bits_)) < size) ++half_bits_;
    mask_ = (uint32_t{1} << half_bits_) - 1;
    const Quad<uint32_t> first = philox(position, site, 0, key);
    const Quad<uint32_t> second = philox(position, site, 1, key);
    for (int i = 0; i < 4; ++i) {
      round_keys_[i] = first.v[i];
      round_keys_[4 + i] = second.v[i];
    }
  }

  /// The image of index, 0 <= index < size.
  MURMUR_HD uint64_t operator()(uint64_t index) const {
    if (is_small() && size_ > 1 && index < 2) index ^= round_keys_[0] >> 31;
    do {
      uint32_t left = static_cast<uint32_t>(index >> half_bits_);
      uint32_t right = static_cast<uint32_t>(index) & mask_;
      for (uint32_t pass = 0; pass < (is_small() ? 2u : 1u); ++pass) {
        for (const uint32_t key : round_keys_) {
          const uint32_t next = left ^ (mix(right ^ (key + pass * kKeyStep)) & mask_);
          left = right;
          right = next;
        }
      }
      index = (static_cast<uint64_t>(left) << half_bits_) | right;
    } while (index >= size_);
    return index;
  }

 private:
  static constexpr int kRounds = 8;
  static constexpr uint32_t kKeyStep = 0x9E3779B9u;

  /// Of 16 and fewer the orders can be counted. Eight rounds do not mix so few, and every round is an even permutation:
  /// they have sixteen, and half of them exchange 0 and 1 first.
  MURMUR_HD bool is_small() const { return half_bits_ <= 2; }

  MURMUR_HD static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ (x >> 16);
  }

  uint64_t size_;
  uint32_t half_bits_ = 1;
  uint32_t mask_ = 0;
  uint32_t round_keys_[kRounds];
};

}  // namespace murmur
