#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

// Columns of numbers in a report's data, as app/report/page/DATA.md has them: little-endian, one zlib stream, base64.
namespace murmur::app {

/// As base64 (RFC 4648, with padding).
std::string base64(std::span<const std::byte> bytes);

/// One zlib stream (RFC 1950). Throws: Error.
std::string deflated(std::span<const std::byte> bytes);

/// {"type": "f32", "length": 3, "deflate": "..."}. NaN stays NaN.
nlohmann::json f32_column(std::span<const double> values);
nlohmann::json i32_column(std::span<const int64_t> values);
nlohmann::json u8_column(std::span<const uint8_t> values);

/// Numbers in 65535 even steps from the least to the greatest of them, for where the size counts; 65535 is NaN.
nlohmann::json u16_column(std::span<const double> values);

}  // namespace murmur::app
