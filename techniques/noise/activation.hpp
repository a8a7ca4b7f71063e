#pragma once

#include "murmur/engine/math.hpp"
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

/// The slope of one negative activation, from U(3/8 v, v): PyTorch's 1/8 and 1/3 where v is 1/3.
/// Source: Xu, Wang, Chen & Li 2015 (RReLU).
template <class T>
MURMUR_HD T random_slope(T largest, uint32_t word) {
  return largest * (T{0.375F} + T{0.625F} * static_cast<T>(uniform(word)));
}

/// The slope of all of them in evaluation: the mean of those in training.
template <class T>
MURMUR_HD T mean_slope(T largest) {
  return T{0.6875F} * largest;
}

/// x where it is positive, otherwise slope x; a NaN stays.
template <class T>
MURMUR_HD T leaky_relu(T x, T slope) {
  return x < T{0} ? slope * x : x;
}

/// x with a slope of its own.
template <class T>
MURMUR_HD T rrelu(T x, T largest, uint32_t word) {
  return leaky_relu(x, random_slope(largest, word));
}

template <class T>
MURMUR_HD Quad<T> rrelu(const Quad<T>& x, T largest, const Quad<uint32_t>& words) {
  return map(x, words, [=](T value, uint32_t word) { return rrelu(value, largest, word); });
}

/// The gradient where the output, or a positive multiple of it, is y: 0 was cut off by a mask.
template <class T>
MURMUR_HD T leaky_relu_gradient(T grad, T y, T slope) {
  return y == T{0} ? T{0} : (y < T{0} ? slope * grad : grad);
}

template <class T>
MURMUR_HD T rrelu_gradient(T grad, T y, T largest, uint32_t word) {
  return leaky_relu_gradient(grad, y, random_slope(largest, word));
}

template <class T>
MURMUR_HD Quad<T> rrelu_gradient(const Quad<T>& grad, const Quad<T>& y, T largest, const Quad<uint32_t>& words) {
  return map(grad, y, words, [=](T g, T out, uint32_t word) { return rrelu_gradient(g, out, largest, word); });
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

/// x (1 + sigma n), sigma^2 = p / (1 - p): dropout's mean and variance; its own gradient rule. Source: Srivastava et
/// al. 2014, section 10, in Keras's form.
template <class T>
MURMUR_HD T gaussian_dropout(T x, T sigma, float n) {
  return x * (T{1} + sigma * static_cast<T>(n));
}

template <class T>
MURMUR_HD Quad<T> gaussian_dropout(const Quad<T>& x, T sigma, const Quad<float>& n) {
  return map(x, n, [=](T value, float normal) { return gaussian_dropout(value, sigma, normal); });
}

template <class T>
MURMUR_HD T gaussian_dropout_sigma(T rate) {
  return square_root(rate / (T{1} - rate));
}

/// The probability of a place to be a block's centre, so that each pixel is covered by one of the 3 x 3 around it with
/// this probability. Source: Ghiasi et al. 2018 (DropBlock), whose rate is this one's first order; here centres may lie
/// one pixel outside, so that pixels at the edges are covered as often, and what is left is scaled by 1 / (1 - p)
/// instead of by its count.
MURMUR_HD float dropblock_centres(float probability) {
  return 1.0f - exponential(logarithm(1.0f - probability) / 9.0f);
}

/// The factor of a residual block's branch for one sample: m / (1 - p), m = 1[U > p]. Source: Huang et al. 2016, in
/// torchvision's form (mode "row").
MURMUR_HD float branch_factor(float probability, uint32_t word) {
  return uniform(word) > probability ? 1.0f / (1.0f - probability) : 0.0f;
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
