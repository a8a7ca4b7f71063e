#pragma once

#include "murmur/engine/random/permutation.hpp"
#include "murmur/techniques/technique_table.hpp"

// Noise on the input: which sample comes when, and what its pixels look like.
namespace murmur::noise {

/// The index within the training set of this epoch's sample at a position: the position itself, or (shuffle on) its
/// place in a permutation keyed by the trial's seed and the epoch. With a window, samples move within blocks of that
/// many, each with a permutation of its own: as near as addressed samples come to the study's reshuffled buffer of
/// 1024, in which a sample may also stay longer. Shapes: window >= 1, or 0 for the whole epoch. Random: position =
/// epoch 2^32 + block.
MURMUR_HD int64_t sample_index(uint64_t seed, int64_t epoch, bool shuffle, int64_t window, int64_t epoch_size,
                               int64_t position) {
  if (!shuffle) return position;
  const int64_t block_size = window > 0 ? window : epoch_size;
  const int64_t block = position / block_size;
  const int64_t first = block * block_size;
  const int64_t size = first + block_size < epoch_size ? block_size : epoch_size - first;
  const Permutation permutation(static_cast<uint64_t>(size), seed, make_site(Technique::kShuffle, 0),
                                (static_cast<uint64_t>(epoch) << 32) + static_cast<uint64_t>(block));
  return first + static_cast<int64_t>(permutation(static_cast<uint64_t>(position - first)));
}

/// x + sigma n per element; sigma in units of the pixels' range [0, 1]; not clipped.
template <class T>
MURMUR_HD T input_noise(T x, T sigma, float n) {
  return x + sigma * static_cast<T>(n);
}

}  // namespace murmur::noise
