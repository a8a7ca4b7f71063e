#include "murmur/pso/json_text.hpp"

#include <gtest/gtest.h>

#include <string>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

std::string nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']');
}

TEST(JsonText, IsReadAsFarAsItMayBeNested) {
  EXPECT_EQ(parse_json(nested(kMaxJsonDepth)).dump(), nested(kMaxJsonDepth));
  EXPECT_THROW(parse_json(nested(kMaxJsonDepth + 1)), InvalidArgument);
  EXPECT_TRUE(try_parse_json(nested(kMaxJsonDepth + 1)).is_discarded());
  EXPECT_FALSE(try_parse_json(nested(kMaxJsonDepth)).is_discarded());
  // One after the other is not one in the other.
  std::string row = "[";
  for (int i = 0; i < 1000; ++i) row += "[1],";
  EXPECT_EQ(parse_json(row + "{}]").size(), 1001u);
}

TEST(JsonText, BracketsWithinTextsAreNone) {
  const std::string text = "\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"";
  EXPECT_EQ(parse_json(text).get<std::string>().size(), 2001u);
}

TEST(JsonText, WhatIsNoneIsRefused) {
  for (const char* text : {"", "{", "]", "nan", "[1] 2", "\"\\"}) {
    EXPECT_THROW(parse_json(text), nlohmann::json::exception) << text;
    EXPECT_TRUE(try_parse_json(text).is_discarded()) << text;
  }
}

}  // namespace
}  // namespace murmur
