#pragma once

#include "murmur/engine/target.hpp"

namespace murmur {

/// Four consecutive elements of a tensor: what one Philox call feeds, and one access of a GPU thread (two for double).
template <class T>
struct alignas(sizeof(T) < 4 ? 4 * sizeof(T) : 16) Quad {
  T v[4];
};

/// An array as quads. Its first element must be aligned as a quad is (16 bytes for floats); tensors are, and rows
/// padded to quads stay so.
template <class T>
MURMUR_HD Quad<T>* as_quads(T* values) {
  return reinterpret_cast<Quad<T>*>(values);
}

template <class T>
MURMUR_HD const Quad<T>* as_quads(const T* values) {
  return reinterpret_cast<const Quad<T>*>(values);
}

/// f applied to each element. Written out, because a loop of four inside of a loop over lanes does not vectorise.
template <class T, class F>
MURMUR_HD Quad<T> map(const Quad<T>& x, const F& f) {
  return {f(x.v[0]), f(x.v[1]), f(x.v[2]), f(x.v[3])};
}

template <class T, class U, class F>
MURMUR_HD Quad<T> map(const Quad<T>& x, const Quad<U>& y, const F& f) {
  return {f(x.v[0], y.v[0]), f(x.v[1], y.v[1]), f(x.v[2], y.v[2]), f(x.v[3], y.v[3])};
}

template <class T, class U, class V, class F>
MURMUR_HD Quad<T> map(const Quad<T>& x, const Quad<U>& y, const Quad<V>& z, const F& f) {
  return {f(x.v[0], y.v[0], z.v[0]), f(x.v[1], y.v[1], z.v[1]), f(x.v[2], y.v[2], z.v[2]), f(x.v[3], y.v[3], z.v[3])};
}

/// Number of quads that hold n elements.
MURMUR_HD constexpr long long num_quads(long long n) {
  return (n + 3) / 4;
}

}  // namespace murmur
