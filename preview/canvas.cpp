#include "murmur/preview/canvas.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "murmur/engine/error.hpp"
#include "murmur/preview/png.hpp"

namespace murmur {
namespace {

constexpr int64_t kChannels = 3;

constexpr int64_t kMaxPixels = int64_t{64} << 20;

size_t checked_size(int64_t width, int64_t height) {
  check_size(width, height);
  return static_cast<size_t>(width * height * kChannels);
}

}  // namespace

void check_size(int64_t width, int64_t height) {
  if (width >= 1 && height >= 1 && height <= kMaxPixels / width) return;
  throw InvalidArgument(
      "picture: expected from 1 to {} pixels, got {} x {}; fewer --samples or --draws make it smaller", kMaxPixels,
      width, height);
}

Canvas::Canvas(int64_t width, int64_t height)
    : width_(width), height_(height), pixels_(checked_size(width, height), kWhite.red) {}

Colour Canvas::at(int64_t x, int64_t y) const {
  if (x < 0 || x >= width_ || y < 0 || y >= height_) throw std::out_of_range("picture");
  const uint8_t* pixel = &pixels_[static_cast<size_t>((y * width_ + x) * kChannels)];
  return {pixel[0], pixel[1], pixel[2]};
}

void Canvas::fill(const Rectangle& rectangle, Colour colour) {
  const int64_t left = std::max<int64_t>(rectangle.x, 0), right = std::min(rectangle.x + rectangle.width, width_);
  const int64_t top = std::max<int64_t>(rectangle.y, 0), bottom = std::min(rectangle.y + rectangle.height, height_);
  const std::array<uint8_t, kChannels> values{colour.red, colour.green, colour.blue};
  for (int64_t y = top; y < bottom; ++y) {
    for (int64_t x = left; x < right; ++x) {
      std::ranges::copy(values, pixels_.begin() + (y * width_ + x) * kChannels);
    }
  }
}

void Canvas::text(int64_t x, int64_t y, std::string_view line, Colour colour) {
  for (const Rectangle& ink : inked(line)) fill({x + ink.x, y + ink.y, ink.width, ink.height}, colour);
}

void Canvas::image(int64_t x, int64_t y, int64_t scale, const ImageSize& size, std::span<const uint8_t> pixels) {
  if (pixels.size() != static_cast<size_t>(size.elements())) {
    throw ShapeError("picture: expected an image of {} x {} x {}, got {} elements", size.height, size.width,
                     size.channels, pixels.size());
  }
  const size_t green = size.channels == kChannels ? 1 : 0;
  size_t element = 0;
  for (int64_t row = 0; row < size.height; ++row) {
    for (int64_t column = 0; column < size.width; ++column, element += static_cast<size_t>(size.channels)) {
      fill({x + column * scale, y + row * scale, scale, scale},
           {pixels[element], pixels[element + green], pixels[element + 2 * green]});
    }
  }
}

void Canvas::bars(const Rectangle& rectangle, std::span<const int64_t> counts, Colour colour) {
  const int64_t largest = counts.empty() ? 0 : std::ranges::max(counts);
  const auto num_bars = static_cast<int64_t>(counts.size());
  for (int64_t i = 0; i < num_bars && largest > 0; ++i) {
    const int64_t left = rectangle.x + i * rectangle.width / num_bars;
    const int64_t right = rectangle.x + (i + 1) * rectangle.width / num_bars;
    // What is there at all is to be seen.
    const int64_t height = (counts[static_cast<size_t>(i)] * rectangle.height + largest - 1) / largest;
    fill({left, rectangle.y + rectangle.height - height, right - left, height}, colour);
  }
}

std::string Canvas::png() const {
  return encode_png(width_, height_, pixels_);
}

}  // namespace murmur
