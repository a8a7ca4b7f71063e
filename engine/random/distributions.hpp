#pragma once

#include <cstdint>

#include "murmur/engine/math.hpp"
#include "murmur/engine/quad.hpp"
#include "murmur/engine/target.hpp"

namespace murmur {
namespace detail {

/// 1 + (bits >> 9) 2^-23: the bits as a mantissa, in one instruction of a GPU.
MURMUR_HD float one_and(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return as_float(__funnelshift_r(bits, 0x7f, 9));
#else
  return as_float((bits >> 9) | 0x3f800000u);
#endif
}

}  // namespace detail

/// 32 random bits -> uniform in (0, 1): ((bits >> 9) + 1/2) 2^-23. Never 0 and never 1, symmetric about 1/2.
MURMUR_HD float uniform(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return detail::one_and(bits) - (1.0f - 0x1p-24f);  // exact, too, and half of the instructions
#else
  return (static_cast<float>(static_cast<int32_t>(bits >> 9)) + 0.5f) * 0x1p-23f;
#endif
}

/// A whole number in [0, count): the word's place among 2^32, so that each is hit with a probability within 2^-32 of
/// 1 / count.
MURMUR_HD uint32_t below(uint32_t word, uint32_t count) {
  return static_cast<uint32_t>((static_cast<uint64_t>(word) * count) >> 32);
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

/// What a GPU's special function unit computes, an instruction each. Maximum errors: log2 2^-22 for x in [1/2, 2], 2
/// ulp elsewhere; root 2^-23 of the result; sine 2^-21.41 and cosine 2^-21.19 for x in [-pi, pi]. The host has libm's,
/// for the emulation. Source: CUDA C++ Programming Guide, "Intrinsic Functions" (__log2f, __sinf, __cosf); PTX ISA,
/// sqrt.approx.
struct HardwareFunctions {
#if defined(__CUDA_ARCH__)
  MURMUR_HD static float log2(float x) {
    float y = 0;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  MURMUR_HD static float root(float x) {
    float y = 0;
    asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  MURMUR_HD static float sine(float x) {
    float y = 0;
    asm("sin.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  MURMUR_HD static float cosine(float x) {
    float y = 0;
    asm("cos.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
#else
  MURMUR_HD static float log2(float x) {
    return ::log2f(x);
  }
  MURMUR_HD static float root(float x) {
    return __builtin_sqrtf(x);
  }
  MURMUR_HD static float sine(float x) {
    return ::sinf(x);
  }
  MURMUR_HD static float cosine(float x) {
    return ::cosf(x);
  }
#endif
};

/// The normals of normal_pair by approximate functions. The angle is taken half a turn back, into [-pi, pi], where they
/// are best, and both signs are turned for it.
template <class Functions>
MURMUR_HD void approximate_normal_pair(uint32_t radius_bits, uint32_t angle_bits, float& x, float& y) {
  const float u = one_and(radius_bits) - (1.0f - 0x1p-24f);  // uniform(radius_bits), exactly
  // An approximate logarithm of almost 1 may be above 0.
  const float radius = Functions::root(1.38629436f * ::fabsf(Functions::log2(u)));
  const float angle = 6.28318531f * (one_and(angle_bits) - (1.5f - 0x1p-24f));
  x = -radius * Functions::cosine(angle);
  y = -radius * Functions::sine(angle);
}

template <class Functions>
MURMUR_HD Quad<float> approximate_normal(const Quad<uint32_t>& words) {
  Quad<float> n;
  approximate_normal_pair<Functions>(words.v[0], words.v[1], n.v[0], n.v[1]);
  approximate_normal_pair<Functions>(words.v[2], words.v[3], n.v[2], n.v[3]);
  return n;
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

/// normal() as a kernel's parameter: the same bits on every device.
struct ExactNormals {
  MURMUR_HD Quad<float> operator()(const Quad<uint32_t>& words) const { return normal(words); }
};

/// The same normals by a GPU's special function unit, in a fifth of the instructions. With r the radius of the pair,
/// each is off by at most 1.7e-6 r + min(5.8e-4, 3.4e-7 / r): 1e-5 at most where r > 0.04, as 99.9 % are. What the
/// programming guide says of the functions does not fix their bits: these may differ between GPUs.
struct FastNormals {
  MURMUR_HD Quad<float> operator()(const Quad<uint32_t>& words) const {
    return detail::approximate_normal<detail::HardwareFunctions>(words);
  }
};

}  // namespace murmur
