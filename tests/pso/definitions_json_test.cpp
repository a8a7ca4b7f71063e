#include "murmur/pso/definitions_json.hpp"

#include <gmock/gmock.h>

#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(DefinitionsJson, EachDefinitionComesBack) {
  for (const Definitions& definitions : {Definitions{}, Definitions::paper()}) {
    EXPECT_EQ(parse_definitions(definitions_json(definitions)), definitions);
  }
  EXPECT_EQ(definitions_json(Definitions::paper()), (nlohmann::json{{"dropconnect_on", "inputs"},
                                                                    {"contrast_per", "batch"},
                                                                    {"shuffle_window", 1024},
                                                                    {"loss_reduction", "sum"},
                                                                    {"schedule_transfer", "interval"}}));
}

TEST(DefinitionsJson, WhatIsNoneIsNamed) {
  const auto expect_refused = [](const char* key, const nlohmann::json& value) {
    nlohmann::json object = definitions_json({});
    object[key] = value;
    EXPECT_THAT([&] { parse_definitions(object); }, ThrowsMessage<InvalidArgument>(HasSubstr(key))) << value;
  };
  for (const char* key : {"dropconnect_on", "contrast_per", "loss_reduction", "schedule_transfer"}) {
    expect_refused(key, "elsewhere");
    expect_refused(key, 0);
    expect_refused(key, nullptr);
  }
  expect_refused("shuffle_window", -1);
  expect_refused("shuffle_window", uint64_t{1} << 63);
  expect_refused("shuffle_window", 1.5);
  expect_refused("shuffle_window", "all");
  EXPECT_THROW(parse_definitions(nlohmann::json::array()), InvalidArgument);
}

}  // namespace
}  // namespace murmur
