#pragma once

#include <cstdint>

#include "murmur/engine/math.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/engine/target.hpp"

namespace murmur {

/// 32 random bits -> uniform in (0, 1): ((bits >> 9) + 1/2) 2^-23. Never 0 and never 1, symmetric about 1/2.
MURMUR_HD float uniform(uint32_t bits) {
  return (static_cast<float>(static_cast<int32_t>(bits >> 9)) + 0.5f) * 0x1p-23f;
}

MURMUR_HD Quad<float> uniform(const Quad<uint32_t>& words) {
  return {uniform(words.v[0]), uniform(words.v[1]), uniform(words.v[2]), uniform(words.v[3])};
}

namespace detail {

/// sin and cos of 2 pi (bits + 1/2 of the last used bit) / 2^32; absolute error < 1.1e-7.
MURMUR_HD void sincos_turn(uint32_t bits, float& sine, float& cosine) {
  const uint32_t quadrant = (bits + 0x20000000u) >> 30;
  const int32_t rest = static_cast<int32_t>(bits - (quadrant << 30)) >> 7;  // [-1/8, 1/8) of a turn in 2^-25 turns
  const float t = (static_cast<float>(rest) + 0.5f) * 1.87253514e-7f;       // 2 pi 2^-25
  const float z = t * t;
  float s = fma(z, -1.9515295891e-4f, 8.3321608736e-3f);
  s = fma(s, z, -1.6666654611e-1f);
  s = fma(s * z, t, t);
  float c = fma(z, 2.443315711809948e-5f, -1.388731625493765e-3f);
  c = fma(c, z, 4.166664568298827e-2f);
  c = fma(c * z, z, fma(-0.5f, z, 1.0f));
  const float a = (quadrant & 1) != 0 ? c : s;
  const float b = (quadrant & 1) != 0 ? s : c;
  sine = as_float(as_bits(a) ^ ((quadrant & 2) << 30));
  cosine = as_float(as_bits(b) ^ (((quadrant + 1) & 2) << 30));
}

MURMUR_HD void normal_pair(uint32_t radius_bits, uint32_t angle_bits, float& x, float& y) {
  const float radius = square_root(-2.0f * log_polynomial(uniform(radius_bits)));
  float sine = 0;
  float cosine = 0;
  sincos_turn(angle_bits, sine, cosine);
  x = radius * cosine;
  y = radius * sine;
}

}  // namespace detail

/// Four words -> four standard normals, |n| <= sqrt(-2 ln 2^-24) = 5.77.
/// Random: all four words are used; the same bits on every device whose sqrt rounds correctly.
/// Source: Box & Muller 1958.
MURMUR_HD Quad<float> normal(const Quad<uint32_t>& words) {
  Quad<float> n;
  detail::normal_pair(words.v[0], words.v[1], n.v[0], n.v[1]);
  detail::normal_pair(words.v[2], words.v[3], n.v[2], n.v[3]);
  return n;
}

}  // namespace murmur
