#include "app/report/columns.hpp"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "murmur/engine/error.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little);

template <class T>
Json column(const char* type, const std::vector<T>& values) {
  return {{"type", type}, {"length", values.size()}, {"deflate", deflated(std::as_bytes(std::span(values)))}};
}

template <class To, class From, class F>
std::vector<To> converted(std::span<const From> values, const F& convert) {
  std::vector<To> result;
  result.reserve(values.size());
  for (const From value : values) result.push_back(convert(value));
  return result;
}

}  // namespace

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? std::to_integer<uint32_t>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string deflated(std::span<const std::byte> bytes) {
  std::vector<std::byte> packed(compressBound(bytes.size()));
  uLongf size = packed.size();
  // zlib takes bytes of its own type.
  const int result = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_DEFAULT_COMPRESSION);
  if (result != Z_OK) throw Error("report: expected zlib to pack {} bytes, got error {}", bytes.size(), result);
  return base64(std::span(packed).first(size));
}

Json f32_column(std::span<const double> values) {
  return column("f32", converted<float>(values, [](double value) { return static_cast<float>(value); }));
}

Json i32_column(std::span<const int64_t> values) {
  return column("i32", converted<int32_t>(values, [](int64_t value) {
                  return static_cast<int32_t>(std::clamp<int64_t>(value, std::numeric_limits<int32_t>::min(),
                                                                  std::numeric_limits<int32_t>::max()));
                }));
}

Json u8_column(std::span<const uint8_t> values) {
  return column("u8", std::vector<uint8_t>(values.begin(), values.end()));
}

Json u16_column(std::span<const double> values) {
  constexpr double kSteps = 65534;
  constexpr uint16_t kNone = 65535;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (!(low <= high)) low = high = 0;
  const double scale = high > low ? kSteps / (high - low) : 0;
  Json result =
      column("u16", converted<uint16_t>(values, [&](double value) {
               return std::isfinite(value) ? static_cast<uint16_t>(std::lround((value - low) * scale)) : kNone;
             }));
  result["low"] = low;
  result["high"] = high;
  return result;
}

}  // namespace murmur::app
