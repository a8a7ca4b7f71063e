#include "murmur/layers/memory_need.hpp"

#include <algorithm>

#include "murmur/engine/convolution.hpp"
#include "murmur/engine/counted.hpp"
#include "murmur/engine/cpu/host.hpp"

namespace murmur {
namespace {

/// What a stream of a GPU and its libraries take before the first network, and what an arena's last chunk leaves
/// unused.
constexpr int64_t kFixedBytes = int64_t{80} << 20;
/// What convolutions take on a GPU besides, whatever the number of networks: columns of images (1 GiB at most) and the
/// operands of 16 networks while the methods are timed, the buffers of eight branches of cuDNN. On a small GPU they
/// find less, and other methods.
constexpr int64_t kConvolutionBytes = int64_t{5} << 29;
/// What a process on a CPU has in memory whatever it trains, most of it code: measured (`bench/memory.py`, "always").
constexpr int64_t kProgramBytes = int64_t{28} << 20, kProgramBytesWithConvolutions = int64_t{30} << 20;
/// Of what is free, the part that the computed bytes may fill: libraries work in memory of their own.
constexpr double kFilled = 0.95;

/// Of all threads that can have work: one for each network that trains.
int64_t thread_bytes(const NetworkBytes& each, const TrainerOptions& options) {
  if (options.device.is_cuda()) return 0;
  const int64_t threads = options.num_threads > 0 ? options.num_threads : cpu::num_cores();
  return each.per_thread * std::min(threads, options.num_networks);
}

/// What is there whatever the number of networks, threads apart.
int64_t fixed_bytes(const NetworkBytes& each, const TrainerOptions& options, int64_t available_bytes) {
  const bool convolves = options.device.is_cuda() && each.has_convolutions;
  return kFixedBytes + (convolves ? std::min(kConvolutionBytes, available_bytes / 4) : 0);
}

/// What networks may take.
int64_t usable_bytes(const NetworkBytes& each, const TrainerOptions& options, int64_t available_bytes) {
  const auto filled = static_cast<int64_t>(kFilled * static_cast<double>(available_bytes));
  return std::max<int64_t>(0, filled - fixed_bytes(each, options, available_bytes) - thread_bytes(each, options));
}

/// The most networks of which the memory holds what lasts, and one beside them that trains.
int64_t most_networks(const NetworkBytes& each, int64_t usable) {
  return std::max<int64_t>(0, (usable - each.of_wave()) / each.lasting());
}

/// "30000 networks of vgg3: ...; each keeps 0.6 MiB and takes 171.3 more while it trains, so that about 512 fit"
std::string advice(const PopulationShape& population, const std::string& problem, int64_t available_bytes) {
  constexpr double kMiB = 1 << 20;
  const NetworkBytes each = network_bytes(population);
  const int64_t networks = population.options.num_networks;
  const int64_t fit =
      std::min(most_networks(each, usable_bytes(each, population.options, available_bytes)), networks - 1);
  return fmt::format(
      "{} of {}: {}; each keeps {:.2f} MiB, and takes {:.2f} more while it trains, so that about {} fit (see "
      "--networks, --slots)",
      counted(networks, "network"), population.model.text, problem, static_cast<double>(each.lasting()) / kMiB,
      static_cast<double>(each.of_wave()) / kMiB, fit);
}

}  // namespace

NetworkBytes network_bytes(const PopulationShape& population) {
  const std::unique_ptr<Stream> stream = make_stream(kCpu, 1);
  const TrainerOptions& options = population.options;
  const Model model(population.model, population.size, population.num_classes, kCpu, options.dtype, 1);
  Arena arena(kCpu);
  NetworkState state;
  Step step{*stream, arena, {}, options.dtype};
  step.stands_for_gpu = options.device.is_cuda();
  step.args.state = &state;
  step.args.num_networks = 1;
  step.args.micro_batch = options.micro_batch;
  step.args.epoch_size = options.micro_batch;
  step.args.definitions = options.definitions;
  const int64_t rows = options.micro_batch;
  const SampleSource source{Tensor::zeros({rows, population.size.elements()}, DType::kU8, kCpu),
                            Tensor::zeros({rows}, DType::kU8, kCpu), 0, population.size};
  take_convolution_buffer_bytes();
  Capture capture(*stream);  // which is never finished: only the memory counts
  backward(model.loss(step, input_batch(step, source, model.masks_input(step))));
  const Parameters& parameters = model.parameters();
  const int64_t arena_bytes = parameters.stride() * size_bytes(options.dtype);
  NetworkBytes bytes;
  bytes.parameters = arena_bytes + parameters.statistics_bytes();
  bytes.gradients = arena_bytes;
  bytes.optimizer = 2 * arena_bytes;
  bytes.weight_copy = arena_bytes;
  bytes.activations = arena.used_bytes();
  bytes.workspace = arena.scratch({1, 1}, DType::kU8).network_stride();
  const int64_t buffers = take_convolution_buffer_bytes();
  bytes.has_convolutions = buffers > 0;
  if (!options.device.is_cuda()) {
    bytes.per_thread = buffers;
    bytes.program = bytes.has_convolutions ? kProgramBytesWithConvolutions : kProgramBytes;
  }
  return bytes;
}

int64_t NetworkBytes::together(const TrainerOptions& options, int64_t wave) const {
  return lasting() * options.num_networks + of_wave() * wave + thread_bytes(*this, options);
}

WavePlan plan_waves(const PopulationShape& population, int64_t available_bytes) {
  const TrainerOptions& options = population.options;
  const NetworkBytes each = network_bytes(population);
  const int64_t left = usable_bytes(each, options, available_bytes) - options.num_networks * each.lasting();
  int64_t size = std::min(left / each.of_wave(), options.num_networks);
  if (size < 1) {
    constexpr double kGiB = 1 << 30;
    const int64_t needed = each.together(options, 1) + fixed_bytes(each, options, available_bytes);
    const std::string problem =
        fmt::format("expected {:.1f} GiB of memory on {}, got {:.1f}", static_cast<double>(needed) / kFilled / kGiB,
                    options.device.name(), static_cast<double>(available_bytes) / kGiB);
    const std::string text = advice(population, problem, available_bytes);
    if (options.device.is_cuda()) throw PopulationTooLarge("{}", text);
    throw InvalidArgument("{}", text);
  }
  if (options.wave > 0) size = std::min(size, options.wave);
  return {(options.num_networks + size - 1) / size};
}

std::string out_of_memory_text(const OutOfGpuMemory& error, const PopulationShape& population, int64_t free_bytes) {
  return advice(population, error.what(), free_bytes);
}

}  // namespace murmur
