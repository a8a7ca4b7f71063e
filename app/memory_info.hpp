#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "murmur/layers/memory_need.hpp"

// What `murmur info --model` says: the memory of a population, computed before anything is there.
namespace murmur::app {

/// The options of `murmur info` that ask for it.
struct MemoryQuestion {
  std::string model;
  std::string images = "28x28x1";
  std::string device = "auto";
  int64_t num_classes = 10;
  int64_t num_networks = 1;
  int64_t micro_batch = 128;
  int64_t wave = 0;
  double gibibytes = 0;  // of the device; 0: what is free there
};

struct MemoryAnswer {
  Device device;
  NetworkBytes each;
  int64_t available_bytes = 0;  // 0: not known, because the device is not there
  int64_t num_waves = 0;        // 0: not known, or it does not fit
  std::string refusal;          // where it does not fit: why, and what does
};

/// A GPU need not be there. Throws: InvalidArgument.
MemoryAnswer ask(const MemoryQuestion& question);

void print(const MemoryQuestion& question, const MemoryAnswer& answer);
nlohmann::json memory_json(const MemoryQuestion& question, const MemoryAnswer& answer);

}  // namespace murmur::app
