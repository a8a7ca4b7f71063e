#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/app/run.hpp"

namespace murmur::test {

/// What a row's command, as it is printed, gives: this accuracy of each network, one a seed.
inline nlohmann::json trained_again(const nlohmann::json& row, const Folder& folder, const char* accuracy) {
  const std::string command = row["command"];
  EXPECT_THAT(command, testing::StartsWith("murmur train "));
  const std::string path = folder / "again.json";
  const auto result =
      run_murmur(command.substr(7) + " --quiet --device cpu --data " + folder.path() + " --json " + path);
  EXPECT_EQ(result.exit_code, 0) << command << ": " << result.output;
  nlohmann::json accuracies = nlohmann::json::array();
  const auto report = nlohmann::json::parse(read_text(path));
  for (const auto& network : report["networks"]) accuracies.push_back(network[accuracy]);
  return accuracies;
}

}  // namespace murmur::test
