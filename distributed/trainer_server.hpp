#pragma once

#include <nlohmann/json.hpp>

#include "murmur/distributed/channel.hpp"
#include "murmur/layers/population_trainer.hpp"

namespace murmur {

/// The images that one who trains for rank 0 has.
class ServedData {
 public:
  virtual ~ServedData() = default;
  /// Loads what the request says. What it answers, rank 0 compares with its own.
  virtual nlohmann::json load(const nlohmann::json& request) = 0;
  virtual TrainingData on(Device device) = 0;
};

/// What a process has of its machine.
struct ServerPlace {
  int local_rank = 0;   // among the processes of this machine: which of its GPUs, from rank 0's on; more share them
  int num_threads = 0;  // where the search leaves them open; 0: one a core
};

/// The GPU of a rank on a machine of so many: from rank 0's `first` on, one a rank; more ranks than GPUs share them.
/// Where a launcher shows each rank a GPU of its own, all call it the first. `first` itself where there is none.
Device gpu_of(Device first, int local_rank, int num_gpus);

/// Trains for rank 0 until it says that it is the end. `on_ticks` may be none; within an epoch it is called first, then
/// the channel looked at. What training throws goes to rank 0 as an answer.
void serve_trainer(Channel& channel, ServedData& data, const ServerPlace& place, const OnTicks& on_ticks = {});

}  // namespace murmur
