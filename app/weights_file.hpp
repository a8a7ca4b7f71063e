#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "murmur/layers/population_trainer.hpp"

namespace murmur::app {

/// What a file with weights says of the training that made them.
// The check sees the assertions in the moves of nlohmann::json.
// NOLINTNEXTLINE(bugprone-exception-escape)
struct TrainingRecord {
  nlohmann::json options;  // as saved_options has them
  std::string data;        // what the data set holds, with a checksum
  ImageSize size;
  int64_t num_classes = 0;
  nlohmann::json setting, definitions;
  uint64_t first_seed = 0;  // the others follow
  float rrelu = 0;          // in force, for evaluations
  std::vector<EpochResult> results;
  std::vector<Evaluation> tests;  // empty in a checkpoint
};

/// The metadata of a file, texts that are words or JSON: of all networks, or of one.
std::map<std::string, std::string> metadata_of(const TrainingRecord& record, std::optional<int64_t> network = {});

/// The results of all epochs as tensors [epochs, P] of a checkpoint, and back; one epoch at least. Throws: DataError.
void add_history(SafeTensors& checkpoint, const std::vector<std::vector<EpochResult>>& history);
std::vector<std::vector<EpochResult>> read_history(const SafeTensors& checkpoint, int64_t num_networks);

}  // namespace murmur::app
