#pragma once

#include <cstdint>
#include <string>

namespace murmur::test {

/// A BMP file of one colour, `side` x `side` pixels.
inline std::string bmp(uint32_t side, const std::string& blue_green_red) {
  const auto number = [](uint32_t value, int num_bytes) {
    std::string text;
    for (int i = 0; i < num_bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    return text;
  };
  std::string row;
  for (uint32_t i = 0; i < side; ++i) row += blue_green_red;
  row.resize((row.size() + 3) / 4 * 4);
  std::string pixels;
  for (uint32_t i = 0; i < side; ++i) pixels += row;
  return "BM" + number(54 + static_cast<uint32_t>(pixels.size()), 4) + number(0, 4) + number(54, 4) + number(40, 4) +
         number(side, 4) + number(side, 4) + number(1, 2) + number(24, 2) + std::string(24, '\0') + pixels;
}

}  // namespace murmur::test
