#pragma once

#include <limits>

namespace murmur::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace murmur::test
