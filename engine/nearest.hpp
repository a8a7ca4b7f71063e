#pragma once

#include <span>
#include <string_view>

namespace murmur {

/// The name that a wrong one was probably meant to be: mistyped (one letter in three), a part of it, or its initials
/// (`lr`: learning_rate); empty where none is near. - and _ are the same.
std::string_view nearest(std::string_view wrong, std::span<const std::string_view> names);

}  // namespace murmur
