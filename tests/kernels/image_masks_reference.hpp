#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "murmur/kernels/image_tiles.hpp"
#include "murmur/kernels/step_args.hpp"
#include "tests/support/arrays.hpp"
#include "tests/support/population.hpp"

// The masks on images in double, by their addresses.
namespace murmur::test::masks {

inline constexpr int64_t kNetworks = 3, kRows = 12, kSamples = 9, kRowsPerTile = 5;
inline constexpr uint32_t kLayer = 4;

struct Case {
  ImageSize size;
  ImageLayout layout = ImageLayout::kChannelsLast;
  bool folds_sums = false;

  ImageTiles tiles() const { return {size, layout, kRowsPerTile, folds_sums}; }
};

/// An image in memory.
struct Frame {
  ImageSize size;
  ImageLayout layout;

  int64_t row_stride() const { return (size.elements() + 3) / 4 * 4; }
  int64_t stride() const { return kRows * row_stride() + 8; }  // networks are not side by side
  size_t place(int64_t p, int64_t row, int64_t y, int64_t x, int64_t c) const {
    const int64_t pixel = y * size.width + x;
    const int64_t element = layout == ImageLayout::kChannelsLast
                                ? pixel * size.channels + c
                                : (c / 16 * size.height * size.width + pixel) * 16 + c % 16;
    return static_cast<size_t>(p * stride() + row * row_stride() + element);
  }
  template <class F>
  void for_each(const F& f) const {
    for (int64_t y = 0; y < size.height; ++y) {
      for (int64_t x = 0; x < size.width; ++x) {
        for (int64_t c = 0; c < size.channels; ++c) f(y, x, c);
      }
    }
  }
};

/// What an element is multiplied by, with a bound on the kernel's roundings, those of the products included. Unclear:
/// within rounding of a threshold.
struct Factor {
  double value = 1, error = 0;
  bool unclear = false;
};

template <class T>
class Masks {
 public:
  Masks(const Population& population, const ImageSize& size, const LayerMasks& masks)
      : population_(population), size_(size), masks_(masks) {}

  Factor operator()(int64_t p, int64_t row, int64_t y, int64_t x, int64_t c) const {
    const auto item = static_cast<uint64_t>(population_.states[static_cast<size_t>(p)].item + row);
    const auto quads = static_cast<uint64_t>((size_.elements() + 3) / 4);
    const auto element = static_cast<uint64_t>((y * size_.width + x) * size_.channels + c);
    const auto channel = static_cast<uint64_t>(c);
    const auto address = [&](Technique id) {
      return Address{population_.states[static_cast<size_t>(p)].seed, id, masks_.layer};
    };
    const auto value = [&](Technique id, bool on) { return on ? population_.get(id, p) : 0.0f; };
    Factor factor;
    if (const float q = value(Technique::kDropout, masks_.dropout); q > 0) {
      drop(factor, q, address(Technique::kDropout).keeps(item, quads, element, q));
    }
    if (const auto rate = static_cast<double>(value(Technique::kGaussianDropout, masks_.dropout)); rate > 0) {
      const double noise =
          std::sqrt(rate / (1 - rate)) * address(Technique::kGaussianDropout).normal_of(item, quads, element);
      // 1 - p and its quotient are rounded (halved by the root), then the root, its product with n, the sum with 1 and
      // the product with the element.
      factor.error = 1.01 * (factor.error * std::abs(1 + noise) +
                             kU * std::abs(factor.value) * (3 * std::abs(noise) + 2 * std::abs(1 + noise)));
      factor.value *= 1 + noise;
    }
    if (const float q = value(Technique::kSpatialDropout, masks_.dropout); q > 0) {
      drop(factor, q, address(Technique::kSpatialDropout).keeps(item, quads_of_pixel(), channel, q));
    }
    if (const float q = value(Technique::kDropblock, masks_.dropout); q > 0) {
      drop(factor, q, !is_covered(address(Technique::kDropblock), item, y, x, channel, q, factor));
    }
    if (const float q = value(Technique::kDropconnect, masks_.next_input);
        q > 0 && !address(Technique::kDropconnect).keeps(item, quads, element, q)) {
      factor.value = factor.error = 0;
    }
    return factor;
  }

  /// What the ReLU makes of an element of this value: off by at most 4 roundings of it.
  double relu(double value, int64_t p, int64_t row, int64_t y, int64_t x, int64_t c) const {
    if (value >= 0) return value;
    const auto item = static_cast<uint64_t>(population_.states[static_cast<size_t>(p)].item + row);
    const auto quads = static_cast<uint64_t>((size_.elements() + 3) / 4);
    const auto element = static_cast<uint64_t>((y * size_.width + x) * size_.channels + c);
    const Address address{population_.states[static_cast<size_t>(p)].seed, Technique::kRrelu, masks_.layer};
    const double u = static_cast<double>(uniform(address.words(item, quads, element / 4).v[element % 4]));
    return static_cast<double>(population_.get(Technique::kRrelu, p)) * (0.375 + 0.625 * u) * value;
  }

 private:
  static constexpr double kU = kBothRoundings<T>;
  uint64_t quads_of_pixel() const { return static_cast<uint64_t>((size_.channels + 3) / 4); }

  /// Inverted dropout: 1 - p, its reciprocal and the product are rounded.
  static void drop(Factor& factor, float probability, bool kept) {
    const double scale = kept ? 1 / (1 - static_cast<double>(probability)) : 0;
    factor.value *= scale;
    factor.error = 1.01 * (factor.error * scale + 3 * kU * std::abs(factor.value));
  }

  // One of the 3 x 3 centres around it covers a pixel with probability 1 - (1 - q)^9, which is to be the rate. The
  // kernel finds q in float: 1 - p is off by 6e-8 / (1 - p), less than 3e-7 of it; the logarithm by 1e-7, of at
  // most 1.7; a ninth of that, the exponential's 2e-7 and the last difference's 6e-8 make less than 4e-7.
  bool is_covered(const Address& address, uint64_t item, int64_t y, int64_t x, uint64_t channel, float rate,
                  Factor& factor) const {
    const double centre = 1 - std::pow(1 - static_cast<double>(rate), 1.0 / 9);
    const auto height = static_cast<uint64_t>(size_.height + 2), width = static_cast<uint64_t>(size_.width + 2);
    bool covered = false, unclear = false;
    for (uint64_t i = 0; i < 3; ++i) {
      for (uint64_t j = 0; j < 3; ++j) {
        // Places make an image with a pixel more on each side, so that (y, x) has the centres from (y, x) on.
        const uint64_t place = (item * height + static_cast<uint64_t>(y) + i) * width + static_cast<uint64_t>(x) + j;
        const Quad<uint32_t> words = address.words(place, quads_of_pixel(), channel / 4);
        const double u = static_cast<double>(uniform(words.v[channel % 4]));
        covered = covered || u <= centre - 4e-7;
        unclear = unclear || std::abs(u - centre) < 4e-7;
      }
    }
    factor.unclear = factor.unclear || (unclear && !covered);
    return covered;
  }

  const Population& population_;
  ImageSize size_;
  LayerMasks masks_;
};

/// Expectations of an array; what nobody sets is to stay as it was.
struct Expected {
  std::vector<double> value, tolerance;
  int64_t num_unclear = 0;

  template <class T>
  explicit Expected(const std::vector<T>& before)
      : value(before.begin(), before.end()), tolerance(before.size(), 0.0) {}
  void set(size_t at, double x, double error, bool unclear) {
    value[at] = x;
    tolerance[at] = unclear ? 1e3 : error;
    num_unclear += unclear ? 1 : 0;
  }
  template <class T>
  void compare(const std::vector<T>& actual) const {
    EXPECT_TRUE(all_near(actual, value, tolerance));
    EXPECT_LE(num_unclear, 9);  // around one centre
  }
  template <class T>
  void compare(const GuardedArray<T>& actual) const {
    compare(actual.values());
    EXPECT_TRUE(actual.guards_intact());
  }
};

}  // namespace murmur::test::masks
