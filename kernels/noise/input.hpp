#pragma once

#include "engine/quad.hpp"
#include "engine/random/permutation.hpp"
#include "kernels/network_state.hpp"

// Noise on the input: which sample comes when, and what its pixels look like.
namespace murmur::noise {

/// The index within the training set of this epoch's samples: the identity, or (shuffle on) a permutation keyed by the
/// trial's seed and the epoch.
/// Source: the study reshuffles a buffer of 1024; a full reshuffle is what PyTorch's and JAX's users expect.
struct SampleOrder {
  MURMUR_HD SampleOrder(const NetworkState& state, const TechniqueTable& techniques, int64_t network,
                        int64_t epoch_size)
      : shuffle(techniques.get(Technique::kShuffle, network) > 0.5f),
        permutation(static_cast<uint64_t>(epoch_size), state.seed, make_site(Technique::kShuffle, 0),
                    static_cast<uint64_t>(state.epoch)) {}

  MURMUR_HD int64_t operator()(int64_t position) const {
    return shuffle ? static_cast<int64_t>(permutation(static_cast<uint64_t>(position))) : position;
  }

  bool shuffle;
  Permutation permutation;
};

/// x + sigma n per element; sigma in units of the pixels' range [0, 1]; not clipped.
template <class T>
MURMUR_HD Quad<T> input_noise(const Quad<T>& x, T sigma, const Quad<float>& n) {
  return map(x, n, [=](T value, float normal) { return value + sigma * static_cast<T>(normal); });
}

}  // namespace murmur::noise
