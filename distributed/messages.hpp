#pragma once

#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "murmur/layers/population_trainer.hpp"

// What rank 0 and those that train for it say to each other. Each request has one answer, but `end`, which has none.
// Numbers that results depend on keep all their bits.
//
//   {"do": "load", "data": ...}                          loads images; answer: what `ServedData` says of them
//   {"do": "make", "trainer": ...}                       makes a trainer in place of the one before
//   {"do": "epoch", "commands": [start or stop, ...]}    answer: {"results": [...]} of the running networks
//   {"do": "test", "commands": ...}                      answer: {"tests": [...]}
//   {"do": "drop"}                                       ends the trainer, within an epoch too: that one's answer is an
//   error
//   {"do": "end"}
namespace murmur {

/// A trainer for `num_networks` of the networks of `options`.
nlohmann::json trainer_json(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options,
                            int64_t num_networks);

struct TrainerRequest {
  ModelSpecification model;
  SampleRange training, validation;
  TrainerOptions options;  // without what belongs to a process: on_ticks, maker, profile
};
TrainerRequest parse_trainer(const nlohmann::json& message);

nlohmann::json start_json(int64_t slot, const Trial& trial);
nlohmann::json stop_json(int64_t slot);
/// Starts or stops what a list of commands says.
void obey(Trainer& trainer, const nlohmann::json& commands);

nlohmann::json results_json(const Trainer& trainer, std::span<const EpochResult> results);
nlohmann::json tests_json(const Trainer& trainer, std::span<const Evaluation> tests);
/// Their inverses: into `results` and `tests`, from where the sender's slots begin.
void parse_results(const nlohmann::json& message, std::span<EpochResult> results);
void parse_tests(const nlohmann::json& message, std::span<Evaluation> tests);

/// The answer that says what was thrown, and its inverse: throws an error of the same kind, `who` before its text.
nlohmann::json error_json(const std::exception& error);
void throw_if_error(const nlohmann::json& answer, const std::string& who);

}  // namespace murmur
