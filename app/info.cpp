#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/options.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/version.hpp"

namespace murmur::app {
namespace {

void print_datasets() {
  fmt::print("data sets:\n");
  for (const std::string& name : dataset_names()) {
    try {
      const Dataset dataset = load_dataset(name, "");
      fmt::print("  {:<14} {} + {} images of {} x {} x {}, in {}\n", name, dataset.train.num_samples,
                 dataset.test.num_samples, dataset.train.height, dataset.train.width, dataset.train.channels,
                 dataset.directory.string());
    } catch (const DataError&) {
      fmt::print("  {:<14} not found in the usual places\n", name);
    }
  }
}

void info() {
  fmt::print("murmur {}, {}\n", version(), kCudaBuild ? "CPU and CUDA" : "CPU only (built without CUDA)");
  fmt::print("devices:\n  {:<8} {}\n", "cpu", describe(kCpu));
  for (int i = 0; i < num_cuda_devices(); ++i) {
    const Device device{DeviceType::kCuda, i};
    fmt::print("  {:<8} {}\n", device.name(), describe(device));
  }
  fmt::print("models: {}\n", fmt::join(model_names(), ", "));
  print_datasets();
  fmt::print("{}", technique_help());
}

}  // namespace

Run add_info(CLI::App& app) {
  app.add_subcommand("info", "what this build and this machine can do");
  return [] {
    info();
    return 0;
  };
}

}  // namespace murmur::app
