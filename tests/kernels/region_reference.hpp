#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/kernels/input_run.hpp"

// What moves or replaces regions of an image, in double, by the definitions.
namespace murmur::test::regions {

/// What is drawn for one item.
class Draw {
 public:
  Draw(const Population& population, int64_t p, int64_t item)
      : population_(population), p_(p), item_(static_cast<uint64_t>(item)) {}

  double value(Technique id) const { return static_cast<double>(population_.get(id, p_)); }
  bool is_on(Technique id) const { return value(id) > 0; }
  /// Words of a technique with so many calls for an item.
  Quad<uint32_t> words(Technique id, uint64_t calls = 1, uint64_t call = 0) const {
    return Address{seed(), id, 0}.words(item_, calls, call);
  }
  double u(uint32_t word) const { return static_cast<double>(uniform(word)); }
  /// In which of `count` equal parts of its range a word lies: exact, because both have 53 bits together.
  static int64_t part(uint32_t word, int64_t count) {
    return static_cast<int64_t>(std::floor(static_cast<double>(word) * 0x1p-32 * static_cast<double>(count)));
  }

 private:
  uint64_t seed() const { return population_.states[static_cast<size_t>(p_)].seed; }

  const Population& population_;
  int64_t p_;
  uint64_t item_;
};

/// Pixels left <= x < right, top <= y < bottom.
struct Rectangle {
  int64_t left = 0, top = 0, right = 0, bottom = 0;

  bool holds(int64_t x, int64_t y) const { return x >= left && x < right && y >= top && y < bottom; }
  int64_t area(const ImageSize& size) const {
    int64_t count = 0;
    for (int64_t y = 0; y < size.height; ++y) {
      for (int64_t x = 0; x < size.width; ++x) count += holds(x, y) ? 1 : 0;
    }
    return count;
  }
};

inline Rectangle around(int64_t x, int64_t y, int64_t width, int64_t height) {
  return {x - width / 2, y - height / 2, x - width / 2 + width, y - height / 2 + height};
}

inline Rectangle cutout(const Draw& draw, const ImageSize& size) {
  if (!draw.is_on(Technique::kCutout)) return {};
  const Quad<uint32_t> words = draw.words(Technique::kCutout);
  const auto side = static_cast<int64_t>(draw.value(Technique::kCutout));
  return around(Draw::part(words.v[0], size.width), Draw::part(words.v[1], size.height), side, side);
}

// A side is the root of a product of an area and an aspect, each of at most 4 roundings of 6e-8; the aspect's
// exponential has an argument below 1.3 with 2 more, and a relative error of 2e-7. The root halves that and rounds:
// less than 4e-7 of the side. The draws of these tests are not so near to the next pixel.
inline int64_t rounded_side(double square) {
  const double side = std::sqrt(square) + 0.5;
  EXPECT_GT(std::abs(side - std::round(side)), 4e-7 * side + 6e-8) << "the reference cannot know";
  return static_cast<int64_t>(std::floor(side));
}

inline Rectangle erased(const Draw& draw, const ImageSize& size) {
  const auto words = [&](uint64_t call) { return draw.words(Technique::kRandomErasing, 16, call); };
  if (!(draw.u(words(0).v[0]) <= draw.value(Technique::kRandomErasing))) return {};
  for (uint64_t attempt = 1; attempt <= 10; ++attempt) {
    const Quad<uint32_t> w = words(attempt);
    const double area = static_cast<double>(size.height * size.width) * (0.02 + 0.31 * draw.u(w.v[0]));
    const double aspect = std::pow(0.3, 1 - 2 * draw.u(w.v[1]));
    const int64_t height = rounded_side(area * aspect), width = rounded_side(area / aspect);
    if (height < 1 || width < 1 || height >= size.height || width >= size.width) continue;
    const int64_t left = Draw::part(w.v[2], size.width - width + 1), top = Draw::part(w.v[3], size.height - height + 1);
    return {left, top, left + width, top + height};
  }
  return {};
}

/// Beta(a, a), and how far the kernel's may be from it. ln U has a relative error of 1e-7 and is divided, which rounds:
/// 1.6e-7 of it. Each of the two powers is then off by that of its exponent, and 2e-7 of the exponential.
struct Share {
  double value = 1, error = 0;
};

inline Share beta(const Draw& draw, Technique id) {
  const double a = draw.value(id);
  for (uint64_t attempt = 1; attempt < 64; ++attempt) {
    const Quad<uint32_t> words = draw.words(id, 64, attempt);
    const double log_x = std::log(draw.u(words.v[0])) / a, log_y = std::log(draw.u(words.v[1])) / a;
    const double error = 2e-7 * (std::abs(log_x) + std::abs(log_y)) + 4e-7;  // of ln x - ln y
    const double largest = std::max(log_x, log_y);
    const double sum = largest + std::log(std::exp(log_x - largest) + std::exp(log_y - largest));  // ln (x + y)
    EXPECT_GT(std::abs(sum), error + 2e-7) << "the reference cannot know";
    if (sum > 0) continue;
    const double value = 1 / (1 + std::exp(log_y - log_x));
    return {value, value * (1 - value) * error * 1.01 + 1.2e-7 * value + 1e-37};
  }
  ADD_FAILURE() << "no attempt was taken";
  return {0.5, 0};
}

/// How a sample is mixed: outside of the box `share` of it and the rest of the partner.
struct Mix {
  bool on = false;
  int64_t partner = 0;
  Share share, target_share;
  Rectangle box;
};

/// floor(sqrt(1 - share) length), where rounding does not decide. 1 - share rounds, and so do the root and the product.
inline int64_t box_side(const Share& share, int64_t length) {
  const auto side = [&](double by) {
    const double rest = std::clamp(1 - share.value + by * (share.error + 6e-8), 0.0, 1.0);
    return static_cast<int64_t>(std::floor(std::sqrt(rest) * static_cast<double>(length) * (1 + by * 1.2e-7)));
  };
  EXPECT_EQ(side(-1), side(1)) << "the reference cannot know: share " << share.value;
  return side(0);
}

inline Mix mixing(const Draw& draw, const ImageSize& size, int64_t epoch_size) {
  const bool cutmix_wins = draw.words(Technique::kCutmix, 64).v[3] >= 0x80000000u;
  const bool cuts = draw.is_on(Technique::kCutmix) && (!draw.is_on(Technique::kMixup) || cutmix_wins);
  if (!cuts && !draw.is_on(Technique::kMixup)) return {};
  const Technique id = cuts ? Technique::kCutmix : Technique::kMixup;
  const Quad<uint32_t> words = draw.words(id, 64);
  const Share share = beta(draw, id);
  Mix mix{true, Draw::part(words.v[0], epoch_size), share, share, {}};
  if (!cuts) return mix;
  mix.box = around(Draw::part(words.v[1], size.width), Draw::part(words.v[2], size.height), box_side(share, size.width),
                   box_side(share, size.height));
  mix.share = {};
  const double taken = static_cast<double>(mix.box.area(size)) / static_cast<double>(size.height * size.width);
  mix.target_share = {1 - taken, 1.2e-7};  // a quotient and a difference in float
  return mix;
}

/// An image of the reference, with a bound on the kernel's distance from each element.
struct Picture {
  ImageSize size;
  std::vector<double> value, error;

  Picture(const ImageSize& image_size, std::vector<double> values)
      : size(image_size), value(std::move(values)), error(value.size(), 0.0) {}
  size_t at(int64_t x, int64_t y, int64_t c) const {
    return static_cast<size_t>((y * size.width + x) * size.channels + c);
  }
  template <class F>
  void for_each(const F& f) {
    for (int64_t y = 0; y < size.height; ++y) {
      for (int64_t x = 0; x < size.width; ++x) {
        for (int64_t c = 0; c < size.channels; ++c) f(x, y, at(x, y, c), c);
      }
    }
  }
};

inline Picture cropped(const Draw& draw, const Picture& whole) {
  if (!draw.is_on(Technique::kRandomCrop)) return whole;
  const auto padding = static_cast<int64_t>(draw.value(Technique::kRandomCrop));
  const Quad<uint32_t> words = draw.words(Technique::kRandomCrop);
  const int64_t dx = Draw::part(words.v[0], 2 * padding + 1) - padding;
  const int64_t dy = Draw::part(words.v[1], 2 * padding + 1) - padding;
  Picture result = whole;
  result.for_each([&](int64_t x, int64_t y, size_t at, int64_t c) {
    const int64_t from_x = x + dx, from_y = y + dy;
    const bool inside = from_x >= 0 && from_x < whole.size.width && from_y >= 0 && from_y < whole.size.height;
    result.value[at] = inside ? whole.value[whole.at(from_x, from_y, c)] : 0;
  });
  return result;
}

template <class T>
void mix_in(const Mix& mix, const Picture& other, Picture& own) {
  const double u = kBothRoundings<T>;
  own.for_each([&](int64_t x, int64_t y, size_t at, int64_t) {
    const double a = own.value[at], b = other.value[at], share = mix.share.value;
    if (mix.box.holds(x, y)) {
      own.value[at] = b;
    } else if (share != 1) {
      own.value[at] = share * a + (1 - share) * b;
      // The share is a float, and not quite this one; 1 - share, both products and the sum are rounded.
      own.error[at] = std::abs(a - b) * mix.share.error +
                      u * (share * std::abs(a) + 2 * (1 - share) * std::abs(b) + std::abs(own.value[at]));
    }
  });
}

// The factor is a float of 3 roundings of at most 2; the mean, in any order, has one a pixel and one for the quotient.
template <class T>
void stretch(const Draw& draw, Picture& picture) {
  if (!draw.is_on(Technique::kContrast)) return;
  const double u = kBothRoundings<T>;
  const double factor = 1 + draw.value(Technique::kContrast) * (2 * draw.u(draw.words(Technique::kContrast).v[0]) - 1);
  const auto pixels = static_cast<double>(picture.size.height * picture.size.width);
  const auto channels = static_cast<size_t>(picture.size.channels);
  std::vector<double> mean(channels, 0.0), mean_error(channels, 0.0);
  picture.for_each([&](int64_t, int64_t, size_t at, int64_t c) {
    mean[static_cast<size_t>(c)] += picture.value[at] / pixels;
    mean_error[static_cast<size_t>(c)] += picture.error[at] / pixels + u * (1 + 1 / pixels);  // values are in [0, 1]
  });
  picture.for_each([&](int64_t, int64_t, size_t at, int64_t c) {
    const double m = mean[static_cast<size_t>(c)], difference = picture.value[at] - m;
    const double stretched = difference * factor + m;
    picture.value[at] = std::clamp(stretched, 0.0, 1.0);
    // (x - mean) c + mean: the difference, the product and the sum are rounded; clipping makes no error larger.
    picture.error[at] =
        1.01 * (factor * picture.error[at] + (factor + 1) * mean_error[static_cast<size_t>(c)] +
                std::abs(difference) * (6 * kRounding<float> + 2 * u * factor) + u * std::abs(stretched));
  });
}

/// The label that a sample keeps for its whole training.
inline int32_t lasting_label(const Draw& draw, const InputData& data, uint64_t seed, int64_t sample) {
  const int32_t label = data.labels[static_cast<size_t>(sample)];
  const Quad<uint32_t> words = Address{seed, Technique::kLabelNoise, 0}.words(static_cast<uint64_t>(sample), 1, 0);
  if (!(draw.u(words.v[0]) <= draw.value(Technique::kLabelNoise))) return label;
  const auto other = static_cast<int32_t>(Draw::part(words.v[1], data.num_classes - 1));
  return other < label ? other : other + 1;
}

}  // namespace murmur::test::regions
