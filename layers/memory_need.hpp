#pragma once

#include <cstdint>
#include <string>

#include "murmur/engine/error.hpp"
#include "murmur/engine/image_size.hpp"
#include "murmur/layers/population_trainer.hpp"

namespace murmur {

/// A population whose memory is asked for.
struct PopulationShape {
  const ModelSpecification& model;
  const ImageSize& size;
  int64_t num_classes;
  const TrainerOptions& options;
};

/// Bytes that each network takes while it trains: parameters, gradients, moments and activations, as a tick of one
/// network on the CPU asks for them. What a library works in comes on top.
int64_t bytes_per_network(const PopulationShape& population);

/// One line: what was missing, of how many networks, and how many fit into the bytes that were free before.
std::string out_of_memory_text(const OutOfGpuMemory& error, const PopulationShape& population, int64_t free_bytes);

}  // namespace murmur
