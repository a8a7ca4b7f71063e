#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace murmur {

/// Pixels [x, x + width) x [y, y + height); y grows downwards.
struct Rectangle {
  int64_t x = 0, y = 0, width = 0, height = 0;
};

/// From one line of text to the next, in pixels.
inline constexpr int64_t kLineHeight = 12;

/// What is inked of one line of text whose upper left corner is (0, 0). ASCII; anything else shows as '?'.
std::vector<Rectangle> inked(std::string_view text);

/// The width of a line in pixels, the space after its last letter included.
int64_t text_width(std::string_view text);

}  // namespace murmur
