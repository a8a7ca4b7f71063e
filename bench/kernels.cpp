// Each fused kernel by itself, with every noise that it can carry, on every device of this machine.
//
// The work is captured as the trainer captures it: many launches in one graph, whose replay and wait are timed by
// hand. The CPU runs on one thread, so that its figures are those of one core. Inputs are drawn once and copied back
// before every replay, because some kernels work in place and would otherwise drift towards zeros.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/common.hpp"
#include "bench/kernel_works.hpp"
#include "bench/nvbench.hpp"

namespace murmur::bench {
namespace {

struct Options {
  std::string device = "all";
  std::string commit;
  std::string nvbench_json;
  int64_t cpu_networks = 1;
  int64_t cuda_networks = 1024;
  int64_t micro_batch = 128;
};

/// The seconds of a launch in each replay. Google Benchmark calls a benchmark again until it took long enough: the last
/// call counts.
void remember(Bed& bed, const std::string& kernel, const std::string& variant, std::vector<double> seconds) {
  NvbenchState state{kernel, {{"Noise", variant}}, std::move(seconds)};
  const auto is_same = [&](const NvbenchState& other) {
    return other.benchmark == state.benchmark && other.axes == state.axes;
  };
  std::erase_if(bed.states, is_same);
  bed.states.push_back(std::move(state));
}

/// Returns the seconds of a launch in each replay.
std::vector<double> run(benchmark::State& state, Bed& bed, const Make& make) {
  const Work work = make(bed);
  const int num_launches = work.num_launches > 0 ? work.num_launches : bed.num_launches();
  bed.stream->begin_capture();
  for (int i = 0; i < num_launches; ++i) work.launch(i);
  const std::unique_ptr<Graph> graph = bed.stream->end_capture();
  const auto replay = [&] {
    graph->launch(1);
    bed.stream->synchronize();
  };
  work.prepare();
  replay();  // warms up
  double total = 0;
  std::vector<double> replays;
  while (state.KeepRunning()) {
    work.prepare();
    bed.stream->synchronize();
    const double seconds = time_seconds(replay);
    state.SetIterationTime(seconds);
    total += seconds;
    replays.push_back(seconds / num_launches);
  }
  const double launches = static_cast<double>(state.iterations()) * num_launches;
  const auto rate = benchmark::Counter::kIsRate;
  const auto time = rate | benchmark::Counter::kInvert;
  state.counters["launch"] = benchmark::Counter(launches, time);
  state.counters["per_element"] = benchmark::Counter(work.num_elements * launches, time);
  state.counters["elements"] = benchmark::Counter(work.num_elements * launches, rate);
  if (work.num_bytes == 0) return replays;
  state.counters["bytes"] = benchmark::Counter(work.num_bytes * launches, rate);
  state.counters["%copy"] = 100 * work.num_bytes * launches / total / bed.copy_bytes_per_second;
  return replays;
}

class Case final : public benchmark::Fixture {
 public:
  Case(Bed& bed, std::string kernel, std::string variant, Make make)
      : bed_(bed), kernel_(std::move(kernel)), variant_(std::move(variant)), make_(std::move(make)) {
    SetName(fmt::format("{}/{}/{}", bed.device.name(), kernel_, variant_).c_str());
  }

 private:
  void BenchmarkCase(benchmark::State& state) override { remember(bed_, kernel_, variant_, run(state, bed_, make_)); }

  Bed& bed_;
  std::string kernel_, variant_;
  Make make_;
};

void add(Bed& bed, const std::string& kernel, const std::string& variant, Make make) {
  auto benchmark_case = std::make_unique<Case>(bed, kernel, variant, std::move(make));
  benchmark::internal::RegisterBenchmarkInternal(benchmark_case.release())  // takes it over
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

using enum Technique;

const std::vector<Variant>& input_variants() {
  static const std::vector<Variant> variants{
      {"none", {}},
      {"shuffle", {{kShuffle, 1}}},
      {"input_noise", {{kInputNoise, 0.2}}},
      {"dropconnect", {{kDropconnect, 0.1}}},
      {"flip", {{kFlip, 1}}},
      {"rotation", {{kRotation, 0.05}}},
      {"zoom", {{kZoom, 0.1}}},
      {"translation", {{kTranslation, 0.1}}},
      {"contrast", {{kContrast, 0.1}}},
      {"geometry", {{kFlip, 1}, {kRotation, 0.05}, {kZoom, 0.1}, {kTranslation, 0.1}}},
      {"all",
       {{kShuffle, 1},
        {kInputNoise, 0.2},
        {kDropconnect, 0.1},
        {kFlip, 1},
        {kRotation, 0.05},
        {kZoom, 0.1},
        {kTranslation, 0.1},
        {kContrast, 0.1}}}};
  return variants;
}

const std::vector<Variant>& activation_variants() {
  static const std::vector<Variant> variants{{"none", {}},
                                             {"activation_noise", {{kActivationNoise, 0.05}}},
                                             {"dropout", {{kDropout, 0.1}}},
                                             {"dropconnect", {{kDropconnect, 0.1}}},
                                             {"all", {{kActivationNoise, 0.05}, {kDropout, 0.1}, {kDropconnect, 0.1}}}};
  return variants;
}

const std::vector<Variant>& loss_variants() {
  static const std::vector<Variant> variants{{"none", {}},
                                             {"label_smoothing", {{kLabelSmoothing, 0.05}}},
                                             {"loss_noise", {{kLossNoise, 0.2}}},
                                             {"all", {{kLabelSmoothing, 0.05}, {kLossNoise, 0.2}}}};
  return variants;
}

const std::vector<Variant>& update_variants() {
  static const std::vector<Variant> variants{
      {"none", {}},
      {"gradient_dropout", {{kGradientDropout, 0.1}}},
      {"frozen_fraction", {{kFrozenFraction, 0.1}}},
      {"gradient_noise", {{kGradientNoise, 1e-3}}},
      {"weight_noise", {{kWeightNoise, 1e-6}}},
      {"all", {{kGradientDropout, 0.1}, {kFrozenFraction, 0.1}, {kGradientNoise, 1e-3}, {kWeightNoise, 1e-6}}}};
  return variants;
}

void add_updates(Bed& bed) {
  for (int optimizer = 0; optimizer < 3; ++optimizer) {
    const std::string kernel = fmt::format("update_{}", technique(kOptimizer).choices[static_cast<size_t>(optimizer)]);
    for (Variant variant : update_variants()) {
      variant.on.push_back({kOptimizer, static_cast<double>(optimizer)});
      add(bed, kernel, variant.name, [variant, optimizer](Bed& b) { return update_work(b, variant, optimizer); });
    }
  }
}

void add_all(Bed& bed) {
  add(bed, "copy", "large", copy_work);
  add(bed, "normals", "philox10", [](Bed& b) { return normals_work(b, false, false); });
  if (bed.device.is_cuda()) add(bed, "normals", "fast", [](Bed& b) { return normals_work(b, false, true); });
  add(bed, "normals", "philox7", [](Bed& b) { return normals_work(b, true, false); });
  const auto add_each = [&bed](const char* kernel, const std::vector<Variant>& variants,
                               Work (*make)(Bed&, const Variant&)) {
    for (const Variant& variant : variants) {
      add(bed, kernel, variant.name, [&variant, make](Bed& b) { return make(b, variant); });
    }
  };
  add_each("input", input_variants(), input_work);
  add_each("activation_forward", activation_variants(), activation_forward_work);
  add_each("activation_backward", activation_variants(), activation_backward_work);
  add_each("loss", loss_variants(), loss_work);
  add_updates(bed);
}

std::vector<std::unique_ptr<Bed>> make_beds(const Options& options) {
  std::vector<Device> devices;
  if (options.device == "all") {
    devices.push_back(kCpu);
    if (num_cuda_devices() > 0) devices.push_back(parse_device("cuda"));
  } else {
    devices.push_back(parse_device(options.device));
  }
  std::vector<std::unique_ptr<Bed>> beds;
  for (const Device device : devices) {
    auto bed = std::make_unique<Bed>();
    bed->device = device;
    bed->stream = make_stream(device, 1);
    bed->num_networks = device.is_cuda() ? options.cuda_networks : options.cpu_networks;
    bed->micro_batch = options.micro_batch;
    bed->copy_bytes_per_second = measure_copy(*bed);
    beds.push_back(std::move(bed));
  }
  return beds;
}

void add_context(const Bed& bed, const Options& options, std::span<char* const> arguments) {
  const nlohmann::json source = provenance(bed.device, options.commit, arguments);
  for (const char* key : {"commit", "compiler", "command"}) benchmark::AddCustomContext(key, source[key]);
  const std::string name = bed.device.name();
  benchmark::AddCustomContext(name, fmt::format("{}, P={}, micro-batch {}, copy {:.1f} GB/s", describe(bed.device),
                                                bed.num_networks, bed.micro_batch, bed.copy_bytes_per_second * 1e-9));
}

int run_all(int argc, char** argv) {
  Options options;
  CLI::App app("every fused kernel with every noise; other options go to Google Benchmark (--benchmark_filter, ...)",
               "bench_kernels");
  app.allow_extras();
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 20);
  app.add_option("--device", options.device, "all, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--cpu-networks", options.cpu_networks, "P on the CPU")->check(positive)->capture_default_str();
  app.add_option("--cuda-networks", options.cuda_networks, "P on a GPU")->check(positive)->capture_default_str();
  app.add_option("--micro-batch", options.micro_batch, "rows of a tick")
      ->check(CLI::Range(4, 1 << 16))
      ->capture_default_str();
  app.add_option("--commit", options.commit, "commit to record (default: the source tree's)");
  app.add_option("--nvbench-json", options.nvbench_json, "write the times to this file, as nvbench does");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::vector<std::string> rest = app.remaining();
  std::vector<char*> arguments{argv[0]};
  for (std::string& argument : rest) arguments.push_back(argument.data());
  auto num_arguments = static_cast<int>(arguments.size());
  benchmark::Initialize(&num_arguments, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(num_arguments, arguments.data())) return 2;

  const std::vector<std::unique_ptr<Bed>> beds = make_beds(options);
  for (const auto& bed : beds) {
    add_context(*bed, options, {argv, static_cast<size_t>(argc)});
    add_all(*bed);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  if (!options.nvbench_json.empty()) {
    const Bed& last = *beds.back();  // the GPU, where there is one: nvbench knows no other device
    write_json(options.nvbench_json, nvbench_json(last.device, last.states, {argv, static_cast<size_t>(argc)}));
  }
  return 0;
}

}  // namespace
}  // namespace murmur::bench

int main(int argc, char** argv) {
  return murmur::bench::guarded_main("bench_kernels", [&] { return murmur::bench::run_all(argc, argv); });
}
