#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "murmur/layers/memory_need.hpp"

// What --dry-run says of a training: what it takes, before anything is written.
namespace murmur::app {

struct Foresight {
  int64_t num_networks = 0;
  NetworkBytes each;
  int64_t bytes_of_networks = 0;  // of all, those of activations of one wave
  int64_t bytes_of_data = 0;
  int64_t bytes_available = 0;
  int64_t num_waves = 1;
  double seconds_per_epoch = 0;  // of all networks
  double epochs_measured = 0;    // a part of one, where it takes long

  /// Networks, data, and on a CPU the program itself.
  int64_t bytes() const { return bytes_of_networks + bytes_of_data + each.program; }
};

/// The memory alone; no time. Throws: OutOfGpuMemory, OutOfMemory, naming the most networks that fit.
Foresight foresee_memory(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options);

/// Trains all networks of the options for an epoch, or for two seconds of it. Throws: as PopulationTrainer.
Foresight foresee(const ModelSpecification& model, const TrainingData& data, TrainerOptions options,
                  const Setting& setting, uint64_t seed, int64_t num_epochs);

/// "92.8 MiB: 12.4 MiB for 8 networks of 1.5 MiB, 52.4 MiB of data, 28.0 MiB of the program; 20.1 GiB are free"
std::string memory_text(const Foresight& foresight);

/// "2.3 s an epoch (measured over 0.9)"
std::string time_text(const Foresight& foresight);

/// "dropout=0.1 input_noise=0.2; everything else is off"
std::string setting_text(const Setting& setting);

nlohmann::json foresight_json(const Foresight& foresight);

}  // namespace murmur::app
