#pragma once

#include <cmath>
#include <cstdint>

#include "murmur/engine/target.hpp"

// Elementary functions that vectorise on the CPU and give the same bits on every device: written with explicit fma, and
// with no product-and-sum left for a compiler to contract. libm's own are calls that g++ cannot vectorise.
namespace murmur {
namespace detail {

MURMUR_HD float as_float(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}

MURMUR_HD uint32_t as_bits(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(value);
#else
  return __builtin_bit_cast(uint32_t, value);
#endif
}

MURMUR_HD float fma(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}

/// Natural logarithm of a normal positive float; relative error < 1e-7.
MURMUR_HD float log_polynomial(float x) {
  const uint32_t bits = as_bits(x);
  const int32_t exponent = static_cast<int32_t>(bits - 0x3f3504f3u) >> 23;  // mantissa in [sqrt(1/2), sqrt(2))
  const float f = as_float(bits - (static_cast<uint32_t>(exponent) << 23)) - 1.0f;
  const float e = static_cast<float>(exponent);
  float p = fma(f, 0.0703768358f, -0.1151461031f);
  p = fma(p, f, 0.1167699874f);
  p = fma(p, f, -0.1242014176f);
  p = fma(p, f, 0.1424932301f);
  p = fma(p, f, -0.1666805775f);
  p = fma(p, f, 0.2000071478f);
  p = fma(p, f, -0.2499999315f);
  p = fma(p, f, 0.3333333224f);
  const float square = f * f;
  float y = fma(e, -2.12194440e-4f, p * f * square);
  y = fma(-0.5f, square, y);
  return fma(e, 0.693359375f, f + y);
}

}  // namespace detail

/// e^x; relative error < 2e-7 for float, libm for double. 0 below -87, as float's own denormals are not worth a branch.
MURMUR_HD float exponential(float x) {
  using detail::as_float;
  using detail::fma;
  // NaN must stay NaN: the comparisons below keep x where it is not less or greater.
  const float clamped = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float shifted = fma(clamped, 1.44269504f, 12582912.0f);  // adds 1.5 * 2^23: rounds to the nearest integer
  const float n = shifted - 12582912.0f;
  const float r = fma(n, 2.12194440e-4f, fma(n, -0.693359375f, clamped));
  float p = fma(r, 1.9875691500e-4f, 1.3981999507e-3f);
  p = fma(p, r, 8.3334519073e-3f);
  p = fma(p, r, 4.1665795894e-2f);
  p = fma(p, r, 1.6666665459e-1f);
  p = fma(p, r, 5.0000001201e-1f);
  p = fma(p * r, r, r + 1.0f);
  const uint32_t power = (detail::as_bits(shifted) - 0x4b400000u + 127u) << 23;
  const float result = p * as_float(power);
  return x < -87.0f ? 0.0f : result;
}

MURMUR_HD double exponential(double x) {
  return ::exp(x);
}

MURMUR_HD float logarithm(float x) {
  return detail::log_polynomial(x);
}

MURMUR_HD double logarithm(double x) {
  return ::log(x);
}

MURMUR_HD float square_root(float x) {
  return __builtin_sqrtf(x);
}

MURMUR_HD double square_root(double x) {
  return __builtin_sqrt(x);
}

}  // namespace murmur
