#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

namespace murmur {

/// "1 trial", "3 trials"
template <std::integral Number>
std::string counted(Number number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace murmur
