// Training throughput of a population: noise off against noise in all five places, and the share of the time that the
// matrix products alone would take. Everything that is compared runs in turns within one run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bench/common.hpp"
#include "bench/gemm_limit.hpp"
#include "bench/nvbench.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"

namespace murmur::bench {
namespace {

constexpr int64_t kNumClasses = 10;

struct Options {
  std::string device = "auto";
  std::string model = "fc";
  std::string noise = "both";
  std::string image;  // empty: 32x32x3 for vgg3, else 28x28x1
  std::string json;
  std::string nvbench_json;
  std::string commit;
  std::string optimizer = "sgd";
  std::vector<int64_t> networks{1, 16, 64};
  int64_t images = 48000;
  int64_t epochs = 3;
  int64_t repeats = 5;
  int64_t micro_batch = 128;
  double minutes = 0;  // 0: no limit
  int threads = 0;
  bool tf32 = false;
};

/// Noise in all five places.
Setting all_noise() {
  Setting setting;
  setting.set(Technique::kShuffle, 1);
  setting.set(Technique::kInputNoise, 0.2);
  setting.set(Technique::kActivationNoise, 0.05);
  setting.set(Technique::kDropout, 0.1);
  setting.set(Technique::kLossNoise, 0.2);
  setting.set(Technique::kLabelSmoothing, 0.05);
  setting.set(Technique::kGradientNoise, 1e-3);
  setting.set(Technique::kGradientDropout, 0.1);
  setting.set(Technique::kWeightNoise, 1e-6);
  return setting;
}

ImageSize image_size(const Options& options) {
  if (options.image.empty()) {
    return options.model == "vgg3" ? ImageSize{32, 32, 3} : ImageSize{28, 28, 1};
  }
  ImageSize size;
  char rest = 0;
  if (std::sscanf(options.image.c_str(), "%" SCNd64 "x%" SCNd64 "x%" SCNd64 "%c", &size.height, &size.width,
                  &size.channels, &rest) != 3 ||
      size.height < 1 || size.width < 1 || size.channels < 1) {
    throw InvalidArgument("--image: expected HxWxC, got '{}'", options.image);
  }
  return size;
}

TrainerOptions trainer_options(const Options& options, int64_t num_networks) {
  TrainerOptions result;
  result.device = parse_device(options.device);
  result.num_networks = num_networks;
  result.micro_batch = options.micro_batch;
  result.num_threads = options.threads;
  result.allow_tf32 = options.tf32;
  return result;
}

/// One population size with one noise setting.
class Run {
 public:
  Run(const Options& options, const ModelSpecification& model, const TrainingData& data, int64_t num_networks,
      bool noise)
      : trainer_(model, data, trainer_options(options, num_networks)), noise_(noise) {
    Setting setting = noise ? all_noise() : Setting();
    setting.set(Technique::kBatchSize, static_cast<double>(options.micro_batch));
    setting.set(Technique::kOptimizer, parse_value(technique(Technique::kOptimizer), options.optimizer));
    for (int64_t p = 0; p < num_networks; ++p) trainer_.start(p, {static_cast<uint64_t>(p + 1), setting, 1000});
  }

  /// Seconds of some epochs. A network that diverges is no longer trained, so that would measure something else.
  double train(int64_t num_epochs) {
    return time_seconds([&] {
      for (int64_t epoch = 0; epoch < num_epochs; ++epoch) {
        const std::vector<EpochResult> results = trainer_.run_epoch();
        if (std::ranges::any_of(results, [](const EpochResult& result) { return result.diverged; })) {
          throw Error("throughput: expected networks that stay finite, got one that diverged");
        }
      }
    });
  }

  void add(double seconds) { seconds_.push_back(seconds); }
  const std::vector<double>& seconds() const { return seconds_; }
  bool noise() const { return noise_; }

 private:
  PopulationTrainer trainer_;
  bool noise_;
  std::vector<double> seconds_;
};

/// Everything of one population size.
struct Population {
  int64_t num_networks;
  std::vector<std::unique_ptr<Run>> runs;
  std::unique_ptr<GemmLimit> limit;
  std::vector<double> limit_seconds;
};

Population make_population(const Options& options, const ModelSpecification& model, const TrainingData& data,
                           int64_t networks) {
  const std::vector<int64_t> features = linear_features(model, data.train_images.size(1), data.num_classes);
  Population population{networks, {}, nullptr, {}};
  for (const bool noise : {false, true}) {
    if (options.noise == (noise ? "off" : "on")) continue;
    population.runs.push_back(std::make_unique<Run>(options, model, data, networks, noise));
    population.runs.back()->train(1);  // warm, and it has its memory before the next one looks for what is free
  }
  if (!features.empty()) {
    population.limit = std::make_unique<GemmLimit>(features, trainer_options(options, networks));
  }
  return population;
}

/// One round: every run and every limit once; the order of the runs turns round from one round to the next.
void measure(Population& population, const Options& options, int64_t num_ticks, bool reversed) {
  const size_t n = population.runs.size();
  for (size_t i = 0; i < n; ++i) {
    Run& run = *population.runs[reversed ? n - 1 - i : i];
    run.add(run.train(options.epochs));
  }
  if (population.limit) population.limit_seconds.push_back(population.limit->run(options.epochs * num_ticks));
}

/// Images a second from the seconds of each repeat.
Summary rates(const std::vector<double>& seconds, double num_images) {
  std::vector<double> values;
  for (const double s : seconds) values.push_back(num_images / s);
  return summarize(values);
}

/// The median over the repeats of the ratio of two times.
double median_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators) {
  std::vector<double> ratios;
  for (size_t i = 0; i < numerators.size(); ++i) ratios.push_back(numerators[i] / denominators[i]);
  return median(ratios);
}

nlohmann::json summary_json(const Summary& summary) {
  return {{"median", summary.median}, {"min", summary.min}, {"max", summary.max}};
}

/// Prints one population's lines and returns their JSON.
nlohmann::json report(const Population& population, const Options& options) {
  nlohmann::json lines = nlohmann::json::array();
  const auto num_images = static_cast<double>(population.num_networks * options.images * options.epochs);
  for (const auto& run : population.runs) {
    const Summary rate = rates(run->seconds(), num_images);
    nlohmann::json line = {{"networks", population.num_networks},
                           {"noise", run->noise() ? "on" : "off"},
                           {"images_per_second", summary_json(rate)}};
    std::string ratio = "-";
    if (run->noise() && population.runs.size() == 2) {
      line["time_on_over_off"] = median_ratio(run->seconds(), population.runs.front()->seconds());
      ratio = fmt::format("{:.2f}", line["time_on_over_off"].get<double>());
    }
    std::string limit = "-";
    std::string share = "-";
    if (population.limit) {
      const Summary gemm = rates(population.limit_seconds, num_images);
      const double of_limit = median_ratio(population.limit_seconds, run->seconds());
      line["gemm_images_per_second"] = summary_json(gemm);
      line["fraction_of_gemm_limit"] = of_limit;
      limit = fmt::format("{:.0f}", gemm.median);
      share = fmt::format("{:.1f}", 100 * of_limit);
    }
    fmt::print("{:>6}  {:>5}  {:>10.0f}  {:>10.0f} .. {:<10.0f}  {:>6}  {:>12}  {:>9}\n", population.num_networks,
               run->noise() ? "on" : "off", rate.median, rate.min, rate.max, ratio, limit, share);
    lines.push_back(line);
  }
  return lines;
}

/// Adds an epoch's seconds of a population, with noise and without.
void add_nvbench_states(const Population& population, const Options& options, std::vector<NvbenchState>& states) {
  for (const auto& run : population.runs) {
    NvbenchState state{fmt::format("throughput {}", options.model), {}, {}};
    state.axes = {{"Networks", fmt::format("{}", population.num_networks)}, {"Noise", run->noise() ? "on" : "off"}};
    for (const double s : run->seconds()) state.seconds.push_back(s / static_cast<double>(options.epochs));
    states.push_back(std::move(state));
  }
}

int benchmark(const Options& options, std::span<char* const> arguments) {
  const auto begin = std::chrono::steady_clock::now();
  const auto is_over = [&] {
    const std::chrono::duration<double, std::ratio<60>> elapsed = std::chrono::steady_clock::now() - begin;
    return options.minutes > 0 && elapsed.count() > options.minutes;
  };
  const ModelSpecification model = parse_model(options.model);
  const TrainerOptions base = trainer_options(options, 1);
  require_device(base.device);
  const TrainingData data = random_data(options.images, 0, image_size(options), kNumClasses, base.device);
  const double gemm_flops = large_gemm_flops_per_second(base);
  const Model one(model, image_size(options), kNumClasses, kCpu, DType::kF32, 1);
  const int64_t num_parameters = one.parameters().num_parameters();
  const auto training_flops = static_cast<double>(one.training_flops());
  fmt::print("{} ({} parameters), {} images, micro-batch {}, {} epochs a run, median of {}\n", options.model,
             num_parameters, options.images, options.micro_batch, options.epochs, options.repeats);
  fmt::print("{}: {}; large square product {:.0f} GFLOP/s\n", base.device.name(), describe(base.device),
             gemm_flops * 1e-9);
  fmt::print("{:.3g} MFLOP an image: {:.0f} images/s at the rate of that product\n", training_flops * 1e-6,
             gemm_flops / training_flops);
  fmt::print("{:>6}  {:>5}  {:>10}  {:>10} .. {:<10}  {:>6}  {:>12}  {:>9}\n", "P", "noise", "images/s", "min", "max",
             "on/off", "GEMM only /s", "% of GEMM");
  nlohmann::json results = nlohmann::json::array();
  std::vector<NvbenchState> states;
  // One after the other: memory holds one population at a time, and only its own runs are compared with each other.
  const int64_t num_ticks = (options.images + options.micro_batch - 1) / options.micro_batch;
  for (const int64_t networks : options.networks) {
    if (is_over()) {
      fmt::print("{:>6}  left out: no time for it (--minutes)\n", networks);
      continue;
    }
    Population population = make_population(options, model, data, networks);
    if (population.limit) population.limit->run(10);
    for (int64_t repeat = 0; repeat < options.repeats && (repeat == 0 || !is_over()); ++repeat) {
      measure(population, options, num_ticks, repeat % 2 != 0);
    }
    for (const auto& line : report(population, options)) results.push_back(line);
    add_nvbench_states(population, options, states);
  }
  if (!options.nvbench_json.empty()) {
    write_json(options.nvbench_json, nvbench_json(base.device, states, arguments));
  }
  if (!options.json.empty()) {
    nlohmann::json json = provenance(base.device, options.commit, arguments);
    json.update({{"benchmark", "throughput"},
                 {"model", options.model},
                 {"image", options.image},
                 {"parameters", num_parameters},
                 {"training_flops", training_flops},
                 {"images", options.images},
                 {"micro_batch", options.micro_batch},
                 {"epochs", options.epochs},
                 {"repeats", options.repeats},
                 {"threads", options.threads},
                 {"tf32", options.tf32},
                 {"optimizer", options.optimizer},
                 {"large_gemm_flops_per_second", gemm_flops},
                 {"results", results}});
    write_json(options.json, json);
  }
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("training throughput on random data, noise off and on", "bench_throughput");
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 30);
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--model", options.model, "model: fc, or layers such as \"flatten linear128 dropout linear\"")
      ->capture_default_str();
  app.add_option("--image", options.image, "HxWxC of the images (default: 32x32x3 for vgg3, else 28x28x1)");
  app.add_option("--networks", options.networks, "population sizes, e.g. 1,16,64")
      ->delimiter(',')
      ->check(positive)
      ->capture_default_str();
  app.add_option("--noise", options.noise, "off, on or both")
      ->check(CLI::IsMember({"off", "on", "both"}))
      ->capture_default_str();
  app.add_option("--images", options.images, "training images")->check(positive)->capture_default_str();
  app.add_option("--epochs", options.epochs, "epochs of a timed run")->check(positive)->capture_default_str();
  app.add_option("--repeats", options.repeats, "timed runs, in turns")->check(positive)->capture_default_str();
  app.add_option("--minutes", options.minutes, "no further run begins after so many minutes (0: no limit)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--micro-batch", options.micro_batch, "rows of a tick, and of a batch")->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads (0: one a core)")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_flag("--tf32", options.tf32, "allow TF32 in matrix products (GPU)");
  app.add_option("--optimizer", options.optimizer, "sgd, momentum or adam")
      ->check(CLI::IsMember({"sgd", "momentum", "adam"}))
      ->capture_default_str();
  app.add_option("--commit", options.commit, "commit to record (default: the source tree's)");
  app.add_option("--json", options.json, "write the results to this file");
  app.add_option("--nvbench-json", options.nvbench_json, "write the times to this file, as nvbench does");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return benchmark(options, {argv, static_cast<size_t>(argc)});
}

}  // namespace
}  // namespace murmur::bench

int main(int argc, char** argv) {
  return murmur::bench::guarded_main("bench_throughput", [&] { return murmur::bench::run(argc, argv); });
}
