#pragma once

#include <cstdint>

#include "murmur/engine/image_size.hpp"
#include "murmur/engine/math.hpp"
#include "murmur/engine/random/distributions.hpp"
#include "murmur/engine/random/philox.hpp"
#include "murmur/techniques/technique_table.hpp"

// What moves or replaces whole regions of an image: random crops, cutout, random erasing, and the mixing of two
// samples.
namespace murmur::noise {

/// The pixels (x, y) with left <= x < right and top <= y < bottom; by default none.
struct Box {
  int32_t left = 0, top = 0, right = 0, bottom = 0;

  MURMUR_HD bool holds(int32_t x, int32_t y) const { return x >= left && x < right && y >= top && y < bottom; }
  MURMUR_HD bool is_empty() const { return left >= right || top >= bottom; }
  MURMUR_HD int64_t area() const { return is_empty() ? 0 : int64_t{right - left} * (bottom - top); }
};

MURMUR_HD int32_t clamped(int32_t x, int32_t low, int32_t high) {
  return x < low ? low : (x > high ? high : x);
}

/// A box of this size around a pixel, cut off at the image's edges.
MURMUR_HD Box box_around(int32_t x, int32_t y, int32_t width, int32_t height, const ImageSize& size) {
  const auto w = static_cast<int32_t>(size.width);
  const auto h = static_cast<int32_t>(size.height);
  const int32_t left = x - width / 2;
  const int32_t top = y - height / 2;
  return {clamped(left, 0, w), clamped(top, 0, h), clamped(left + width, 0, w), clamped(top + height, 0, h)};
}

/// A square around a pixel that is drawn from all. Random: position = item, words x and y. Source: DeVries & Taylor
/// 2017 (Cutout).
MURMUR_HD Box cutout_box(int32_t side, const ImageSize& size, uint64_t seed, int64_t item) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item), make_site(Technique::kCutout, 0), 0, seed);
  const auto x = static_cast<int32_t>(below(words.v[0], static_cast<uint32_t>(size.width)));
  const auto y = static_cast<int32_t>(below(words.v[1], static_cast<uint32_t>(size.height)));
  return box_around(x, y, side, side, size);
}

/// With this probability, a rectangle of 2 to 33 % of the image's area and an aspect of 0.3 to 1 / 0.3 (even in its
/// logarithm) that lies within the image: of ten draws the first that fits, none where none does. Random: position =
/// item; of Philox call 0 the first word says whether, of calls 1 to 10 the words are area, aspect, left and top.
/// Source: Zhong et al. 2020 (random erasing), in torchvision's form.
MURMUR_HD Box erased_box(float probability, const ImageSize& size, uint64_t seed, int64_t item) {
  constexpr int kAttempts = 10;
  constexpr float kSmallest = 0.02f;
  constexpr float kLargest = 0.33f;
  constexpr float kLogAspect = 1.2039728f;  // -ln 0.3
  const auto words = [=](int call) {
    return philox(static_cast<uint64_t>(item) * 16 + static_cast<uint64_t>(call),
                  make_site(Technique::kRandomErasing, 0), 0, seed);
  };
  if (uniform(words(0).v[0]) > probability) return {};
  const auto width = static_cast<int32_t>(size.width);
  const auto height = static_cast<int32_t>(size.height);
  const float all = static_cast<float>(width) * static_cast<float>(height);
  MURMUR_ROLLED
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    const Quad<uint32_t> word = words(attempt);
    const float area = all * detail::fma(kLargest - kSmallest, uniform(word.v[0]), kSmallest);
    const float aspect = exponential(kLogAspect * (2.0f * uniform(word.v[1]) - 1.0f));
    const auto h = static_cast<int32_t>(square_root(area * aspect) + 0.5f);
    const auto w = static_cast<int32_t>(square_root(area / aspect) + 0.5f);
    if (h < 1 || w < 1 || h >= height || w >= width) continue;
    const auto left = static_cast<int32_t>(below(word.v[2], static_cast<uint32_t>(width - w + 1)));
    const auto top = static_cast<int32_t>(below(word.v[3], static_cast<uint32_t>(height - h + 1)));
    return {left, top, left + w, top + h};
  }
  return {};
}

/// How far a crop is from the image's own place, in pixels.
struct Offset {
  int32_t x = 0, y = 0;
};

/// A crop of the image's size from an image with `padding` pixels of zeros on each side. Random: position = item, words
/// x and y. Source: torchvision's RandomCrop(size, padding).
MURMUR_HD Offset crop_offset(int32_t padding, uint64_t seed, int64_t item) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item), make_site(Technique::kRandomCrop, 0), 0, seed);
  const auto places = static_cast<uint32_t>(2 * padding + 1);
  return {static_cast<int32_t>(below(words.v[0], places)) - padding,
          static_cast<int32_t>(below(words.v[1], places)) - padding};
}

/// Beta(a, a) for 0 < a <= 1. Random: positions 64 item + 1 to 64 item + 63 of the technique's site, one try each, of
/// which at least one in two is taken; 1/2 if none is (2^-63). Source: Jöhnk 1964.
MURMUR_HD float symmetric_beta(float a, Technique id, uint64_t seed, int64_t item) {
  MURMUR_ROLLED
  for (int attempt = 1; attempt < 64; ++attempt) {
    const Quad<uint32_t> words =
        philox(static_cast<uint64_t>(item) * 64 + static_cast<uint64_t>(attempt), make_site(id, 0), 0, seed);
    // u^(1/a) and v^(1/a), both scaled so that the larger is 1: for a small a both may be below the smallest float.
    const float log_u = logarithm(uniform(words.v[0])) / a;
    const float log_v = logarithm(uniform(words.v[1])) / a;
    const float larger = log_u > log_v ? log_u : log_v;
    const float x = exponential(log_u - larger);
    const float y = exponential(log_v - larger);
    if (larger + logarithm(x + y) <= 0.0f) return x / (x + y);
  }
  return 0.5f;
}

/// How a sample is mixed with another one of the same epoch: outside of the box `share` of its own pixels and the rest
/// of the other's, within it the other's alone. The target is mixed in `target_share`.
struct Mixing {
  int64_t partner = 0;  // a place in the epoch's training set
  float share = 1;
  float target_share = 1;
  Box box;

  MURMUR_HD bool is_on() const { return share < 1.0f || !box.is_empty(); }
};

/// Another sample of the training set, all alike, itself too. Random: position = 64 item of the technique's site.
MURMUR_HD int64_t mixing_partner(Technique id, int64_t epoch_size, uint64_t seed, int64_t item) {
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item) * 64, make_site(id, 0), 0, seed);
  return static_cast<int64_t>(below(words.v[0], static_cast<uint32_t>(epoch_size)));
}

/// True for one sample in two: where mixup and CutMix are both on, which of them it has. Random: word 3 of CutMix's
/// partner.
MURMUR_HD bool prefers_mixup(uint64_t seed, int64_t item) {
  return (philox(static_cast<uint64_t>(item) * 64, make_site(Technique::kCutmix, 0), 0, seed).v[3] >> 31) == 0;
}

/// x = l x_i + (1 - l) x_j, y likewise, l ~ Beta(a, a). Source: Zhang et al. 2018 (mixup), with a share and a partner
/// for each sample, as timm's mode "elem".
MURMUR_HD Mixing mixup(float alpha, int64_t epoch_size, uint64_t seed, int64_t item) {
  const float share = symmetric_beta(alpha, Technique::kMixup, seed, item);
  return {mixing_partner(Technique::kMixup, epoch_size, seed, item), share, share, {}};
}

/// A box of sides sqrt(1 - l) of the image's around any pixel, cut off at the edges, l ~ Beta(a, a), from the partner;
/// the targets in the shares of the areas. Random: words 1 and 2 of the partner's call are the pixel's x and y. Source:
/// Yun et al. 2019 (CutMix).
MURMUR_HD Mixing cutmix(float alpha, const ImageSize& size, int64_t epoch_size, uint64_t seed, int64_t item) {
  const float side = square_root(1.0f - symmetric_beta(alpha, Technique::kCutmix, seed, item));
  const Quad<uint32_t> words = philox(static_cast<uint64_t>(item) * 64, make_site(Technique::kCutmix, 0), 0, seed);
  const auto x = static_cast<int32_t>(below(words.v[1], static_cast<uint32_t>(size.width)));
  const auto y = static_cast<int32_t>(below(words.v[2], static_cast<uint32_t>(size.height)));
  const Box box = box_around(x, y, static_cast<int32_t>(side * static_cast<float>(size.width)),
                             static_cast<int32_t>(side * static_cast<float>(size.height)), size);
  const float area = static_cast<float>(size.width) * static_cast<float>(size.height);
  return {mixing_partner(Technique::kCutmix, epoch_size, seed, item), 1.0f,
          1.0f - static_cast<float>(box.area()) / area, box};
}

}  // namespace murmur::noise
