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
#include "bench/nvbench.hpp"
#include "bench/reference.hpp"
#include "murmur/kernels/activation.hpp"
#include "murmur/kernels/input.hpp"
#include "murmur/kernels/loss.hpp"
#include "murmur/kernels/update.hpp"
#include "murmur/layers/parameters.hpp"

namespace murmur::bench {
namespace {

constexpr ImageSize kImageSize{28, 28, 1};
constexpr int64_t kSampleSize = 28 * 28;
constexpr int64_t kHidden = 50;
constexpr int64_t kClasses = 10;
constexpr int64_t kNumImages = 48000;

struct Options {
  std::string device = "all";
  std::string commit;
  std::string nvbench_json;
  int64_t cpu_networks = 1;
  int64_t cuda_networks = 1024;
  int64_t micro_batch = 128;
};

struct Value {
  Technique technique;
  double value;
};
/// A benchmark's last name and what is on in it.
struct Variant {
  std::string name;
  std::vector<Value> on;
};

/// A kernel that is ready to be captured. `prepare` restores what it changes; it runs before every replay, untimed.
struct Work {
  std::function<void(int index)> launch;
  std::function<void()> prepare = [] {};
  double num_elements = 0;
  double num_bytes = 0;  // read and written; 0: none to speak of
  int num_launches = 0;  // of one replay; 0: the bed's number
};

struct Bed;
using Make = std::function<Work(Bed&)>;

/// A device with its stream and the bandwidth of a large copy, bytes read and written.
struct Bed {
  Device device;
  std::unique_ptr<Stream> stream;
  int64_t num_networks = 0;
  int64_t micro_batch = 0;
  double copy_bytes_per_second = 0;
  std::vector<NvbenchState> states;  // of the benchmarks that ran

  /// Enough to hide what a replay costs by itself.
  int num_launches() const { return device.is_cuda() ? 8 : 64; }
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

/// The state and the technique table of P networks, all with the same setting.
class Networks {
 public:
  Networks(const Bed& bed, const std::vector<Value>& on) {
    const auto networks = static_cast<size_t>(bed.num_networks);
    std::vector<NetworkState> states(networks);
    for (size_t p = 0; p < networks; ++p) {
      states[p].seed = p + 1;
      states[p].status = NetworkStatus::kRunning;
    }
    state_ = Tensor::zeros({bed.num_networks, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8, bed.device);
    state_.copy_from_host(states.data(), static_cast<int64_t>(networks * sizeof(NetworkState)));
    Setting setting;
    setting.set(Technique::kBatchSize, static_cast<double>(bed.micro_batch));
    for (const Value& entry : on) setting.set(entry.technique, entry.value);
    std::vector<float> table;
    for (const TechniqueInfo& info : techniques()) {
      table.insert(table.end(), networks, static_cast<float>(setting[info.id]));
    }
    techniques_ = Tensor::from<float>(table, {kNumTechniques, bed.num_networks}, bed.device);
    step_.state = reinterpret_cast<NetworkState*>(state_.raw());
    step_.techniques = {techniques_.data<float>(), bed.num_networks};
    step_.num_networks = bed.num_networks;
    step_.micro_batch = bed.micro_batch;
    step_.epoch_size = kNumImages;
  }
  const StepArgs& step() const { return step_; }

 private:
  Tensor state_, techniques_;
  StepArgs step_;
};

/// A tensor and what it holds at the start of every replay.
class Restored {
 public:
  explicit Restored(const Tensor& source)
      : source_(source), tensor_(Tensor::zeros(source.shape(), source.dtype(), source.device())) {}
  Restored(const Bed& bed, const Shape& shape, uint64_t seed, double scale)
      : Restored(random_tensor(shape, DType::kF32, bed.device, seed, scale)) {}

  const Tensor& tensor() const { return tensor_; }
  void restore(Bed& bed) const {
    copy(*bed.stream, {as_quads(source_.data<float>()), as_quads(tensor_.data<float>()), tensor_.num_elements() / 4});
  }

 private:
  Tensor source_, tensor_;
};

int64_t padded(int64_t n) {
  return 4 * num_quads(n);
}

double count(int64_t a, int64_t b, int64_t c) {
  return static_cast<double>(a) * static_cast<double>(b) * static_cast<double>(c);
}

/// A second moment of Adam is never negative.
Tensor squares(const Tensor& tensor) {
  std::vector<float> values = tensor.to_vector<float>();
  for (float& value : values) value *= value;
  return Tensor::from<float>(values, tensor.shape(), tensor.device());
}

Work input_work(Bed& bed, const Variant& variant) {
  struct Buffers {
    Networks networks;
    Tensor images, labels, output, targets;
  };
  const auto buffers = std::make_shared<Buffers>(
      Buffers{Networks(bed, variant.on), random_tensor({kNumImages, kSampleSize}, DType::kU8, bed.device, 1),
              Tensor::zeros({kNumImages}, DType::kU8, bed.device),
              Tensor::zeros({bed.num_networks, bed.micro_batch, kSampleSize}, DType::kF32, bed.device),
              Tensor::zeros({bed.num_networks, bed.micro_batch}, DType::kI32, bed.device)});
  InputArgs<float> args;
  args.step = buffers->networks.step();
  args.images = buffers->images.data<uint8_t>();
  args.labels = buffers->labels.data<uint8_t>();
  args.size = kImageSize;
  args.mask_input = true;
  args.output = per_network<float>(buffers->output);
  args.targets = buffers->targets.data<int32_t>();
  Work work;
  work.launch = [&bed, buffers, args](int) { input_forward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kSampleSize);
  work.num_bytes = 5 * work.num_elements + count(bed.num_networks, bed.micro_batch, 5);
  return work;
}

/// What both directions of the activation kernel work on.
struct ActivationBuffers {
  ActivationBuffers(Bed& bed, const std::vector<Value>& on)
      : networks(bed, on),
        x(bed, {bed.num_networks, padded(kHidden), bed.micro_batch}, 1, 1),
        grad(bed, {bed.num_networks, padded(kHidden), bed.micro_batch}, 2, 1),
        bias(random_tensor({bed.num_networks, padded(kHidden)}, DType::kF32, bed.device, 3, 0.1)),
        grad_bias(Tensor::zeros({bed.num_networks, padded(kHidden)}, DType::kF32, bed.device)) {}

  ActivationArgs<float> args() const {
    ActivationArgs<float> result;
    result.step = networks.step();
    result.num_features = kHidden;
    result.masks = {1, true, true};
    result.x = per_network<float>(x.tensor());
    result.bias = per_network<const float>(bias);
    return result;
  }

  Networks networks;
  Restored x, grad;
  Tensor bias, grad_bias;
};

Work activation_forward_work(Bed& bed, const Variant& variant) {
  const auto buffers = std::make_shared<ActivationBuffers>(bed, variant.on);
  Work work;
  work.prepare = [&bed, buffers] { buffers->x.restore(bed); };
  work.launch = [&bed, buffers, args = buffers->args()](int) { activation_forward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kHidden);
  work.num_bytes = 8 * work.num_elements;
  return work;
}

Work activation_backward_work(Bed& bed, const Variant& variant) {
  const auto buffers = std::make_shared<ActivationBuffers>(bed, variant.on);
  buffers->x.restore(bed);
  ActivationBackwardArgs<float> args;
  args.forward = buffers->args();
  args.grad = buffers->grad.tensor().data<float>();
  args.grad_bias = buffers->grad_bias.data<float>();
  Work work;
  work.prepare = [&bed, buffers] { buffers->grad.restore(bed); };
  work.launch = [&bed, buffers, args](int) { activation_backward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kHidden);
  work.num_bytes = 12 * work.num_elements;
  return work;
}

Work loss_work(Bed& bed, const Variant& variant) {
  struct Buffers {
    Networks networks;
    Tensor logits, grad, bias, grad_bias, targets;
  };
  const Shape shape{bed.num_networks, padded(kClasses), bed.micro_batch};
  const Shape bias_shape{bed.num_networks, padded(kClasses)};
  std::vector<int32_t> targets(static_cast<size_t>(bed.num_networks * bed.micro_batch));
  for (size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<int32_t>(i * 7919 % kClasses);
  const auto buffers = std::make_shared<Buffers>(
      Buffers{Networks(bed, variant.on), random_tensor(shape, DType::kF32, bed.device, 1),
              Tensor::zeros(shape, DType::kF32, bed.device), random_tensor(bias_shape, DType::kF32, bed.device, 2),
              Tensor::zeros(bias_shape, DType::kF32, bed.device),
              Tensor::from<int32_t>(targets, {bed.num_networks, bed.micro_batch}, bed.device)});
  LossArgs<float> args;
  args.step = buffers->networks.step();
  args.num_classes = kClasses;
  args.logits = per_network<float>(buffers->logits);
  args.bias = per_network<const float>(buffers->bias);
  args.targets = buffers->targets.data<int32_t>();
  args.grad = buffers->grad.data<float>();
  args.grad_bias = buffers->grad_bias.data<float>();
  Work work;
  work.launch = [&bed, buffers, args](int) { loss_forward(*bed.stream, args); };
  work.num_elements = count(bed.num_networks, bed.micro_batch, kClasses);
  work.num_bytes = 8 * work.num_elements + count(bed.num_networks, bed.micro_batch, 4);
  return work;
}

/// The update clears the gradient. On a GPU every launch of a replay therefore has a gradient of its own, for zeros
/// would save power; on the CPU they share one, so that the working set stays in the cache where training has it.
Work update_work(Bed& bed, const Variant& variant, int moments) {
  struct Buffers {
    Networks networks;
    Restored weight, moment1, moment2;
    std::vector<Restored> grads;
  };
  Parameters layout;  // of fc
  for (const auto& [out, in] : {std::pair{kHidden, kSampleSize}, std::pair{kHidden, kHidden}, {kClasses, kHidden}}) {
    layout.add_kernel(out, in);
    layout.add_vector(out);
  }
  const Shape shape{bed.num_networks, layout.stride()};
  std::vector<Restored> grads;
  for (int i = 0; i < (bed.device.is_cuda() ? bed.num_launches() : 1); ++i) {
    grads.emplace_back(bed, shape, static_cast<uint64_t>(10 + i), 0.01);
  }
  const auto buffers = std::make_shared<Buffers>(
      Buffers{Networks(bed, variant.on), Restored(bed, shape, 1, 0.05), Restored(bed, shape, 2, 0.01),
              Restored(squares(random_tensor(shape, DType::kF32, bed.device, 3, 0.01))), std::move(grads)});
  UpdateArgs<float> args;
  args.step = buffers->networks.step();
  args.weight = buffers->weight.tensor().data<float>();
  args.moment1 = buffers->moment1.tensor().data<float>();
  args.moment2 = buffers->moment2.tensor().data<float>();
  args.stride = layout.stride();
  Work work;
  work.prepare = [&bed, buffers] {
    for (const Restored& grad : buffers->grads) grad.restore(bed);
    for (const Restored* other : {&buffers->weight, &buffers->moment1, &buffers->moment2}) other->restore(bed);
  };
  work.launch = [&bed, buffers, args](int index) mutable {
    args.grad = buffers->grads[static_cast<size_t>(index) % buffers->grads.size()].tensor().data<float>();
    update(*bed.stream, args);
  };
  work.num_elements = count(bed.num_networks, layout.num_parameters(), 1);
  work.num_bytes = (16 + 8 * moments) * work.num_elements;
  return work;
}

Work normals_work(Bed& bed, bool seven_rounds) {
  NormalsArgs args;
  args.num_tiles = bed.device.is_cuda() ? 1 << 14 : 16;
  args.quads_per_lane = 64;
  args.seed = 1;
  args.seven_rounds = seven_rounds;
  const Tensor sums = Tensor::zeros({1, 4 * args.num_tiles * NormalsArgs::kLanes}, DType::kF32, bed.device);
  args.sums = as_quads(sums.data<float>());
  Work work;
  work.launch = [&bed, sums, args](int) { normals(*bed.stream, args); };
  work.num_elements = static_cast<double>(args.num_normals());
  work.num_launches = 4;
  return work;
}

/// A copy that no cache holds.
Work copy_work(Bed& bed) {
  const int64_t elements = bed.device.is_cuda() ? int64_t{1} << 28 : int64_t{1} << 26;
  const Tensor source = random_tensor({1, elements}, DType::kF32, bed.device, 1);
  const Tensor target = Tensor::zeros({1, elements}, DType::kF32, bed.device);
  Work work;
  work.launch = [&bed, source, target, elements](int) {
    copy(*bed.stream, {as_quads(source.data<float>()), as_quads(target.data<float>()), elements / 4});
  };
  work.num_elements = static_cast<double>(elements);
  work.num_launches = 2;
  work.num_bytes = 8 * work.num_elements;
  return work;
}

double measure_copy(Bed& bed) {
  const Work work = copy_work(bed);
  std::vector<double> seconds;
  for (int i = 0; i < 6; ++i) {
    seconds.push_back(time_seconds([&] {
      work.launch(i);
      bed.stream->synchronize();
    }));
  }
  seconds.erase(seconds.begin());  // the first one warms up
  return work.num_bytes / median(seconds);
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
  add(bed, "normals", "philox10", [](Bed& b) { return normals_work(b, false); });
  add(bed, "normals", "philox7", [](Bed& b) { return normals_work(b, true); });
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
