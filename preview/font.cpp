// The letters are those of stb_easy_font: a table of horizontal and vertical strokes, one pixel wide.
#include "murmur/preview/font.hpp"

#include <stb_easy_font.h>

#include <string>

namespace murmur {
namespace {

/// The table has no other letters, and stb looks outside of it for them.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& letter : result) letter = letter >= ' ' && letter <= '~' ? letter : '?';
  return result;
}

}  // namespace

std::vector<Rectangle> inked(std::string_view text) {
  std::string line = printable(text);
  // A stroke is four corners of x, y, z and a colour; a letter has eleven at most.
  constexpr size_t kValuesPerCorner = 4, kValuesPerStroke = 4 * kValuesPerCorner, kMaxStrokes = 16;
  std::vector<float> corners(line.size() * kMaxStrokes * kValuesPerStroke);
  const int count =
      stb_easy_font_print(0, 0, line.data(), nullptr, corners.data(), static_cast<int>(corners.size() * sizeof(float)));
  std::vector<Rectangle> result;
  for (int i = 0; i < count; ++i) {
    const float* first = corners.data() + static_cast<size_t>(i) * kValuesPerStroke;
    const float* opposite = first + 2 * kValuesPerCorner;
    const auto x = static_cast<int64_t>(first[0]), y = static_cast<int64_t>(first[1]);
    result.push_back({x, y, static_cast<int64_t>(opposite[0]) - x, static_cast<int64_t>(opposite[1]) - y});
  }
  return result;
}

int64_t text_width(std::string_view text) {
  std::string line = printable(text);
  return stb_easy_font_width(line.data());
}

}  // namespace murmur
