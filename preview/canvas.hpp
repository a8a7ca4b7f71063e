#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "murmur/engine/image_size.hpp"
#include "murmur/preview/font.hpp"

namespace murmur {

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;

  bool operator==(const Colour&) const = default;
};

inline constexpr Colour kBlack{0, 0, 0}, kGrey{110, 110, 110}, kLightGrey{200, 200, 200}, kWhite{255, 255, 255},
    kRed{200, 70, 40};

/// Throws: InvalidArgument for more than 64 Mi pixels, or none.
void check_size(int64_t width, int64_t height);

/// A picture that is drawn in pixels, and is white at first; (0, 0) is its upper left corner. What would lie outside is
/// left out.
class Canvas {
 public:
  /// Throws: as check_size.
  Canvas(int64_t width, int64_t height);

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  /// Throws: std::out_of_range.
  Colour at(int64_t x, int64_t y) const;

  void fill(const Rectangle& rectangle, Colour colour);
  /// One line of text, its upper left corner at (x, y).
  void text(int64_t x, int64_t y, std::string_view line, Colour colour = kBlack);
  /// An image with each of its pixels a square of `scale` x `scale`.
  /// Shapes: pixels [height, width, channels], 0..255; 3 channels are red, green and blue, of others the first is shown
  /// as grey.
  void image(int64_t x, int64_t y, int64_t scale, const ImageSize& size, std::span<const uint8_t> pixels);
  /// Counts as bars that stand side by side on the rectangle's lower edge, the largest as high as the rectangle.
  void bars(const Rectangle& rectangle, std::span<const int64_t> counts, Colour colour);

  /// The bytes of a PNG file.
  std::string png() const;

 private:
  int64_t width_, height_;
  std::vector<uint8_t> pixels_;  // [height, width, 3]
};

}  // namespace murmur
