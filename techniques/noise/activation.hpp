#pragma once

#include "murmur/engine/quad.hpp"
#include "murmur/engine/random/distributions.hpp"

// Noise on hidden activations. Backward calls the same functions with the same words.
namespace murmur::noise {

/// x + sigma n, before the ReLU.
template <class T>
MURMUR_HD T activation_noise(T x, T sigma, float n) {
  return x + sigma * static_cast<T>(n);
}

template <class T>
MURMUR_HD Quad<T> activation_noise(const Quad<T>& x, T sigma, const Quad<float>& n) {
  return map(x, n, [=](T value, float normal) { return activation_noise(value, sigma, normal); });
}

template <class T>
MURMUR_HD T relu(T x) {
  return x < T{0} ? T{0} : x;  // written so that NaN stays NaN: a diverged network must show
}

template <class T>
MURMUR_HD Quad<T> relu(const Quad<T>& x) {
  return map(x, [](T value) { return relu(value); });
}

/// x m / (1 - p), m = 1[U > p]; its own gradient rule.
/// Source: Srivastava et al. 2014, the inverted form.
template <class T>
MURMUR_HD T dropout(T x, float probability, T scale, uint32_t word) {
  return uniform(word) > probability ? x * scale : T{0};
}

template <class T>
MURMUR_HD Quad<T> dropout(const Quad<T>& x, float probability, T scale, const Quad<uint32_t>& words) {
  return map(x, words, [=](T value, uint32_t word) { return dropout(value, probability, scale, word); });
}

/// x m, m = 1[U > p], not rescaled: the study's dropconnect, a mask on a layer's input; its own gradient rule.
template <class T>
MURMUR_HD T input_mask(T x, float probability, uint32_t word) {
  return uniform(word) > probability ? x : T{0};
}

template <class T>
MURMUR_HD Quad<T> input_mask(const Quad<T>& x, float probability, const Quad<uint32_t>& words) {
  return map(x, words, [=](T value, uint32_t word) { return input_mask(value, probability, word); });
}

}  // namespace murmur::noise
