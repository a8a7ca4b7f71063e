#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "murmur/data/image.hpp"

namespace murmur {
namespace {

constexpr size_t kChannels = 3;
constexpr int kFractionBits = 22;  // 8 + 22 bits and the sign fit into an int32

/// The input pixels that an output pixel is made of, first, first + 1, ..., and their weights, which sum to about one.
struct Tap {
  size_t first = 0;
  std::vector<int32_t> weights;
};

/// The taps of one axis: a triangle over the centre of each output pixel, in units of input pixels.
std::vector<Tap> make_taps(int64_t num_inputs, int64_t num_outputs) {
  const double step = static_cast<double>(num_inputs) / static_cast<double>(num_outputs);
  const double radius = std::max(step, 1.0);
  std::vector<Tap> taps(static_cast<size_t>(num_outputs));
  for (int64_t output = 0; output < num_outputs; ++output) {
    const double centre = (static_cast<double>(output) + 0.5) * step;
    const auto first = std::max<int64_t>(0, std::llround(centre - radius));
    const auto last = std::min<int64_t>(num_inputs, std::llround(centre + radius));
    std::vector<double> heights;
    double sum = 0;
    for (int64_t input = first; input < last; ++input) {
      const double distance = std::abs(static_cast<double>(input) + 0.5 - centre) / radius;
      heights.push_back(std::max(0.0, 1 - distance));
      sum += heights.back();
    }
    Tap& tap = taps[static_cast<size_t>(output)];
    tap.first = static_cast<size_t>(first);
    for (const double height : heights) {
      tap.weights.push_back(static_cast<int32_t>(std::lround(height / sum * (1 << kFractionBits))));
    }
  }
  return taps;
}

uint8_t to_byte(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

constexpr int32_t kHalf = int32_t{1} << (kFractionBits - 1);

/// output[y, x] = sum over i of weight[x][i] input[y, first[x] + i]
std::vector<uint8_t> resize_rows(const std::vector<uint8_t>& input, size_t height, size_t width,
                                 const std::vector<Tap>& taps) {
  std::vector<uint8_t> output(height * taps.size() * kChannels);
  auto pixel = output.begin();
  for (size_t y = 0; y < height; ++y) {
    for (const Tap& tap : taps) {
      const uint8_t* from = input.data() + (y * width + tap.first) * kChannels;
      for (size_t channel = 0; channel < kChannels; ++channel) {
        int32_t sum = kHalf;
        for (size_t i = 0; i < tap.weights.size(); ++i) sum += tap.weights[i] * from[i * kChannels + channel];
        *pixel++ = to_byte(sum);
      }
    }
  }
  return output;
}

/// output[y] = sum over i of weight[y][i] input[first[y] + i], whole rows at once
std::vector<uint8_t> resize_columns(const std::vector<uint8_t>& input, size_t row_bytes, const std::vector<Tap>& taps) {
  std::vector<uint8_t> output(taps.size() * row_bytes);
  std::vector<int32_t> sums(row_bytes);
  for (size_t y = 0; y < taps.size(); ++y) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (size_t i = 0; i < taps[y].weights.size(); ++i) {
      const uint8_t* from = input.data() + (taps[y].first + i) * row_bytes;
      for (size_t x = 0; x < row_bytes; ++x) sums[x] += taps[y].weights[i] * from[x];
    }
    for (size_t x = 0; x < row_bytes; ++x) output[y * row_bytes + x] = to_byte(sums[x]);
  }
  return output;
}

}  // namespace

RgbImage resized(RgbImage image, ImageExtent size) {
  const auto height = static_cast<size_t>(image.size.height);
  if (size.width != image.size.width) {
    const auto taps = make_taps(image.size.width, size.width);
    image.pixels = resize_rows(image.pixels, height, static_cast<size_t>(image.size.width), taps);
  }
  if (size.height != image.size.height) {
    const auto taps = make_taps(image.size.height, size.height);
    image.pixels = resize_columns(image.pixels, static_cast<size_t>(size.width) * kChannels, taps);
  }
  return {size, std::move(image.pixels)};
}

}  // namespace murmur
