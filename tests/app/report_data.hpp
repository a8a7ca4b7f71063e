#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/app/run.hpp"

// Reads a report as the page does.
namespace murmur::test {

inline std::string from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes.push_back(static_cast<char>(bits >> num_bits & 255));
  }
  return bytes;
}

template <class T>
std::vector<double> numbers_of(const std::string& bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return {numbers.begin(), numbers.end()};
}

/// The numbers of a column.
inline std::vector<double> column(const nlohmann::json& json) {
  const std::string packed = from_base64(json.at("deflate").get<std::string>());
  const std::string type = json.at("type").get<std::string>();
  const size_t width = type == "u8" ? 1 : type == "u16" ? 2 : 4;
  std::string bytes(json.at("length").get<size_t>() * width, '\0');
  uLongf size = bytes.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(bytes.data()), &size, reinterpret_cast<const Bytef*>(packed.data()),
                       packed.size()),
            Z_OK);
  EXPECT_EQ(size, bytes.size());
  if (type == "u8") return numbers_of<uint8_t>(bytes);
  if (type == "i32") return numbers_of<int32_t>(bytes);
  if (type == "f32") return numbers_of<float>(bytes);
  std::vector<double> numbers = numbers_of<uint16_t>(bytes);
  const double low = json.at("low"), high = json.at("high");
  for (double& number : numbers) {
    number = number == 65535 ? std::numeric_limits<double>::quiet_NaN() : low + (high - low) * number / 65534;
  }
  return numbers;
}

/// The data in a page.
inline nlohmann::json data_of(const std::string& page) {
  const std::string begin = R"(id="report-data">)";
  const size_t at = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(at, page.find("</script>", at) - at));
}

/// Writes the report of a study, and reads it.
inline nlohmann::json report_of(const Folder& folder, const std::string& study) {
  const std::string file = folder / "report.html";
  const auto result = run_murmur("report --study '" + study + "' --output " + file);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return data_of(read_text(file));
}

}  // namespace murmur::test
