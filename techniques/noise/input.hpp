#pragma once

#include "murmur/engine/random/distributions.hpp"
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

/// x (1 + sigma n) per element.
template <class T>
MURMUR_HD T multiplicative_input_noise(T x, T sigma, float n) {
  return x * (T{1} + sigma * static_cast<T>(n));
}

/// x + u, u ~ U[-width, width], per element; not clipped.
template <class T>
MURMUR_HD T uniform_input_noise(T x, T width, uint32_t word) {
  return x + width * (T{2} * static_cast<T>(uniform(word)) - T{1});
}

/// Impulses: 0 and 1, the ends of the pixels' range, each with probability p / 2, per element.
template <class T>
MURMUR_HD T salt_and_pepper(T x, float probability, uint32_t word) {
  const float u = uniform(word);
  return u > probability ? x : (u > 0.5f * probability ? T{1} : T{0});
}

/// The label of a sample for a whole training: another one, each of the others alike, for a share of the samples.
/// Random: position = the sample's index in the data set. Source: symmetric label noise, as in Zhang et al. 2017.
MURMUR_HD int32_t noisy_label(int32_t label, float share, int64_t num_classes, uint64_t seed, int64_t sample) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(sample), make_site(Technique::kLabelNoise, 0), 0, seed);
  if (uniform(words.v[0]) > share || num_classes < 2) return label;
  const auto other = static_cast<int32_t>(below(words.v[1], static_cast<uint32_t>(num_classes - 1)));
  return other + (other >= label ? 1 : 0);
}

/// The label of this time, drawn from all classes with this probability. Source: Xie et al. 2016 (DisturbLabel).
MURMUR_HD int32_t disturbed_label(int32_t label, float probability, int64_t num_classes, uint64_t seed, int64_t item) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item), make_site(Technique::kDisturbLabel, 0), 0, seed);
  if (uniform(words.v[0]) > probability) return label;
  return static_cast<int32_t>(below(words.v[1], static_cast<uint32_t>(num_classes)));
}

}  // namespace murmur::noise
