#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "murmur/engine/device.hpp"
#include "murmur/engine/file.hpp"
#include "murmur/layers/population_trainer.hpp"

// What the benchmark programs share.
namespace murmur::bench {

struct Summary {
  double median = 0, min = 0, max = 0;
};
/// Of at least one value.
Summary summarize(std::vector<double> values);
double median(std::vector<double> values);

/// Seconds that f() takes.
double time_seconds(const std::function<void()>& f);

/// A tensor of random numbers on a device: N(0, scale^2) for floats, 1..255 for bytes (never zeros, which some hardware
/// multiplies and moves with less power); they repeat after a million. Throws: InvalidArgument for other types.
Tensor random_tensor(Shape shape, DType dtype, Device device, uint64_t seed, double scale = 1);

/// Random images and labels: training samples, then validation samples, in one tensor, and as many test samples as
/// validation samples (at least one).
TrainingData random_data(int64_t num_training, int64_t num_validation, const ImageSize& size, int64_t num_classes,
                         Device device);

/// What traces a figure back to its run: device, description, commit, compiler, command, date (UTC). An empty `commit`
/// is filled in from the source tree, where that is a git repository.
nlohmann::json provenance(Device device, const std::string& commit, std::span<char* const> arguments);

/// Throws: Error.
template <class Json>
void write_json(const std::string& path, const Json& json) {
  write_file(path, json.dump(2) + "\n");
}

/// Runs a program's body; an exception becomes one plain line and the exit code that `murmur` would give.
int guarded_main(const char* name, const std::function<int()>& body);

}  // namespace murmur::bench
