#include "app/dry_run.hpp"

#include <fmt/format.h>

#include <chrono>
#include <exception>

#include "app/progress.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/memory.hpp"
#include "murmur/layers/population_trainer.hpp"

namespace murmur::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kEnoughSeconds = 2;

/// What the epoch is left with.
class Enough : public std::exception {};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string size_text(int64_t bytes) {
  constexpr double kMiB = 1 << 20, kGiB = 1 << 30;
  const auto size = static_cast<double>(bytes);
  return size < kGiB ? fmt::format("{:.1f} MiB", size / kMiB) : fmt::format("{:.1f} GiB", size / kGiB);
}

int64_t data_bytes(const TrainingData& data) {
  int64_t bytes = 0;
  for (const Tensor* tensor : {&data.train_images, &data.train_labels, &data.test_images, &data.test_labels}) {
    bytes += tensor->num_elements() * size_bytes(tensor->dtype());
  }
  return bytes;
}

}  // namespace

Foresight foresee_memory(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options) {
  const PopulationShape shape{model, data.size, data.num_classes, options};
  Foresight result;
  result.num_networks = options.num_networks;
  result.each = network_bytes(shape);
  result.bytes_available = free_bytes(options.device);
  const WavePlan plan = plan_waves(shape, result.bytes_available);
  result.num_waves = plan.num_waves;
  result.bytes_of_data = data_bytes(data);
  result.bytes_of_networks = result.each.together(options, plan.size(options.num_networks));
  return result;
}

Foresight foresee(const ModelSpecification& model, const TrainingData& data, TrainerOptions options,
                  const Setting& setting, uint64_t seed, int64_t num_epochs) {
  Foresight result = foresee_memory(model, data, options);
  // From the first ticks on, by when a GPU has captured them and a CPU's caches are warm.
  Clock::time_point first_time, last_time;
  TickProgress first{0, 0}, last{0, 0};
  options.on_ticks = [&](const TickProgress& ticks) {
    last_time = Clock::now();
    last = ticks;
    if (first.num_all == 0) {
      first_time = last_time;
      first = ticks;
    }
    if (seconds_since(first_time) > kEnoughSeconds) throw Enough();
  };
  PopulationTrainer trainer(model, data, options);
  for (int64_t i = 0; i < options.num_networks; ++i) {
    trainer.start(i, {seed + static_cast<uint64_t>(i), setting, num_epochs});
  }
  const Clock::time_point begin = Clock::now();
  try {
    trainer.run_epoch();
    result.seconds_per_epoch = seconds_since(begin);
    result.epochs_measured = 1;
  } catch (const Enough&) {
    result.epochs_measured = static_cast<double>(last.num_done - first.num_done) / static_cast<double>(last.num_all);
    result.seconds_per_epoch = std::chrono::duration<double>(last_time - first_time).count() / result.epochs_measured;
  }
  return result;
}

std::string memory_text(const Foresight& foresight) {
  const std::string waves = foresight.num_waves > 1 ? fmt::format(", in {} waves", foresight.num_waves) : "";
  const int64_t program = foresight.each.program;
  return fmt::format("{}: {} for {} of {}{}, {} of data{}; {} are free", size_text(foresight.bytes()),
                     size_text(foresight.bytes_of_networks), counted(foresight.num_networks, "network"),
                     size_text(foresight.each.all()), waves, size_text(foresight.bytes_of_data),
                     program > 0 ? fmt::format(", {} of the program", size_text(program)) : "",
                     size_text(foresight.bytes_available));
}

std::string time_text(const Foresight& foresight) {
  return fmt::format("{:.2g} s an epoch (measured over {:.2g})", foresight.seconds_per_epoch,
                     foresight.epochs_measured);
}

std::string setting_text(const Setting& setting) {
  std::string text;
  const Setting all_off;
  for (const TechniqueInfo& info : techniques()) {
    if (setting.agrees(all_off, info.id)) continue;
    text += format_assignment(setting, info.id) + " ";
  }
  return text.empty() ? "everything is off" : text + "(everything else is off)";
}

nlohmann::json foresight_json(const Foresight& foresight) {
  return {{"networks", foresight.num_networks},
          {"waves", foresight.num_waves},
          {"bytes", foresight.bytes()},
          {"bytes_per_network", foresight.each.all()},
          {"bytes_of_networks", foresight.bytes_of_networks},
          {"bytes_of_data", foresight.bytes_of_data},
          {"bytes_of_program", foresight.each.program},
          {"bytes_available", foresight.bytes_available},
          {"seconds_per_epoch", foresight.seconds_per_epoch},
          {"epochs_measured", foresight.epochs_measured}};
}

}  // namespace murmur::app
