#include "murmur/layers/memory_need.hpp"

#include <algorithm>

namespace murmur {
namespace {

/// What a stream of a GPU and its libraries take before the first network.
constexpr int64_t kFixedBytes = int64_t{64} << 20;

}  // namespace

int64_t bytes_per_network(const PopulationShape& population) {
  const std::unique_ptr<Stream> stream = make_stream(kCpu, 1);
  const TrainerOptions& options = population.options;
  const Model model(population.model, population.size, population.num_classes, kCpu, options.dtype, 1);
  Arena arena(kCpu);
  NetworkState state;
  Step step{*stream, arena, {}, options.dtype};
  step.args.state = &state;
  step.args.num_networks = 1;
  step.args.micro_batch = options.micro_batch;
  step.args.epoch_size = options.micro_batch;
  step.args.definitions = options.definitions;
  const int64_t rows = options.micro_batch;
  const SampleSource source{Tensor::zeros({rows, population.size.elements()}, DType::kU8, kCpu),
                            Tensor::zeros({rows}, DType::kU8, kCpu), 0, population.size};
  Capture capture(*stream);  // which is never finished: only the memory counts
  backward(model.loss(step, input_batch(step, source, model.masks_input(step))));
  constexpr int64_t kArenas = 4;  // weights, gradients, two moments
  // Of the working memory of single operations, which is handed out again and again, the largest counts.
  const int64_t scratch_bytes = arena.scratch({1, 1}, DType::kU8).network_stride();
  return kArenas * model.parameters().stride() * size_bytes(options.dtype) + arena.used_bytes() + scratch_bytes;
}

std::string out_of_memory_text(const OutOfGpuMemory& error, const PopulationShape& population, int64_t free_bytes) {
  constexpr double kMiB = 1 << 20;
  const int64_t each = bytes_per_network(population);
  const int64_t networks = population.options.num_networks;
  const int64_t fit = std::min(std::max<int64_t>(0, (free_bytes - kFixedBytes) / each), networks - 1);
  return fmt::format("{} networks of {}: {}; each takes {:.1f} MiB, so that about {} fit (see --networks, --slots)",
                     networks, population.model.text, error.what(), static_cast<double>(each) / kMiB, fit);
}

}  // namespace murmur
