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

/// Bytes that one network takes while it trains. Activations and workspace are those of the networks of one wave only;
/// what a GPU's libraries work in comes on top.
struct NetworkBytes {
  int64_t parameters = 0;  // and running statistics
  int64_t gradients = 0;
  int64_t optimizer = 0;    // both moments
  int64_t weight_copy = 0;  // only with transient noise on the weights
  int64_t activations = 0;  // and their gradients
  int64_t workspace = 0;    // of single operations, which take turns
  int64_t per_thread = 0;   // of each CPU thread besides, whatever number of networks: what convolutions work in
  int64_t program = 0;      // once, on a CPU: code, and what libraries keep, whatever is trained
  bool has_convolutions = false;

  int64_t lasting() const { return parameters + gradients + optimizer + weight_copy; }
  int64_t of_wave() const { return activations + workspace; }
  int64_t all() const { return lasting() + of_wave(); }
  /// Of a population of which so many train at once.
  int64_t together(const TrainerOptions& options, int64_t wave) const;
};

/// Computed from what a tick of one network asks for; nothing of the device is touched. On a CPU within 5 % of what a
/// population really allocates for each further network (without a weight copy, which is allocated when a setting needs
/// it).
NetworkBytes network_bytes(const PopulationShape& population);

/// How many networks train at once.
struct WavePlan {
  int64_t num_waves = 1;
  /// Networks of the largest wave; that of the others is the same or one less.
  int64_t size(int64_t num_networks) const { return (num_networks + num_waves - 1) / num_waves; }
};

/// The fewest waves of which the memory holds one beside what lasts of all networks; with options.wave at least as many
/// as waves of that size make. `available_bytes`: what is free before the population is there, its data apart.
/// Throws: PopulationTooLarge, InvalidArgument (on a CPU), naming the most networks that fit.
WavePlan plan_waves(const PopulationShape& population, int64_t available_bytes);

/// One line: what was missing, of how many networks, and how many fit into the bytes that were free before.
std::string out_of_memory_text(const OutOfGpuMemory& error, const PopulationShape& population, int64_t free_bytes);

}  // namespace murmur
