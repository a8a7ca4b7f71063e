// Convolutions by the library (cuDNN, oneDNN) against im2col and a matrix product, in the shapes of the models. Each is
// replayed as a captured step is; flops are declared, so that the share of a large matrix product's rate is printed.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/common.hpp"
#include "bench/gemm_limit.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/layers/convolution_operation.hpp"

namespace murmur::bench {
namespace {

struct Options {
  std::string device = "auto";
  std::string json;
  std::string commit;
  std::string layer;
  std::vector<int64_t> networks{1, 16, 64};
  int64_t micro_batch = 128;
  int threads = 0;
  bool tf32 = false;
};

struct NamedShape {
  const char* name;
  ConvolutionShape shape;  // of one sample
};

/// lenet5 on 28 x 28 x 1, vgg3 on 32 x 32 x 3.
constexpr NamedShape kLayers[] = {{"lenet5/1", {1, 28, 28, 1, 6, 5, 1, 2}}, {"lenet5/2", {1, 14, 14, 6, 16, 5, 1, 0}},
                                  {"vgg3/1", {1, 32, 32, 3, 32, 3, 1, 1}},  {"vgg3/2", {1, 32, 32, 32, 32, 3, 1, 1}},
                                  {"vgg3/3", {1, 16, 16, 32, 64, 3, 1, 1}}, {"vgg3/4", {1, 16, 16, 64, 64, 3, 1, 1}},
                                  {"vgg3/5", {1, 8, 8, 64, 128, 3, 1, 1}},  {"vgg3/6", {1, 8, 8, 128, 128, 3, 1, 1}}};

/// Of every pass: a multiply and an add as two, products with the padding too.
double flops(const ConvolutionCase& convolution) {
  const ConvolutionShape& shape = convolution.shape;
  return 2.0 * static_cast<double>(convolution.num_networks * shape.batch) * static_cast<double>(shape.output_size()) *
         static_cast<double>(shape.filter_size());
}

/// Prints one line and returns its JSON. A method that cannot run says why.
nlohmann::json report(Stream& stream, const char* layer, const ConvolutionCase& convolution, double gemm_flops) {
  nlohmann::json line = {{"layer", layer},
                         {"pass", name(convolution.pass)},
                         {"networks", convolution.num_networks},
                         {"flops", flops(convolution)}};
  std::string text = fmt::format("{:<9} {:<15} {:>4}", layer, name(convolution.pass), convolution.num_networks);
  std::string failures;
  for (const auto method : {ConvolutionMethod::kLibrary, ConvolutionMethod::kMatrixProduct}) {
    try {
      const double seconds = convolution_seconds(stream, convolution, method);
      const double share = flops(convolution) / seconds / gemm_flops;
      line[name(method)] = {{"seconds", seconds}, {"fraction_of_gemm", share}};
      text += fmt::format("  {:>12.1f} {:>6.1f}", seconds * 1e6, 100 * share);
    } catch (const Error& error) {
      line[name(method)] = {{"error", error.what()}};
      text += fmt::format("  {:>12} {:>6}", "-", "-");
      failures += fmt::format("  {}: {}\n", name(method), error.what());
    }
  }
  fmt::print("{}\n{}", text, failures);
  return line;
}

int benchmark(const Options& options, std::span<char* const> arguments) {
  const Device device = parse_device(options.device);
  const auto stream = make_stream(device, options.threads);
  TrainerOptions gemm;
  gemm.device = device;
  gemm.num_threads = options.threads;
  gemm.allow_tf32 = options.tf32;
  const double gemm_flops = large_gemm_flops_per_second(gemm);
  fmt::print("{}: {}, {}; micro-batch {}, large square product {:.0f} GFLOP/s{}\n", device.name(), describe(device),
             convolution_library(device), options.micro_batch, gemm_flops * 1e-9, options.tf32 ? " (TF32)" : "");
  fmt::print("{:<9} {:<15} {:>4}  {:>12} {:>6}  {:>12} {:>6}\n", "layer", "pass", "P", "library us", "%GEMM",
             "im2col us", "%GEMM");
  nlohmann::json results = nlohmann::json::array();
  for (const auto& [layer, sample] : kLayers) {
    if (!std::string(layer).starts_with(options.layer)) continue;
    for (const int64_t networks : options.networks) {
      using enum ConvolutionPass;
      for (const ConvolutionPass pass : {kForward, kBackwardInput, kBackwardWeight}) {
        ConvolutionCase convolution{pass, sample, networks, options.tf32};
        convolution.shape.batch = options.micro_batch;
        results.push_back(report(*stream, layer, convolution, gemm_flops));
      }
    }
  }
  if (!options.json.empty()) {
    nlohmann::json json = provenance(device, options.commit, arguments);
    json.update({{"benchmark", "convolution"},
                 {"library", convolution_library(device)},
                 {"micro_batch", options.micro_batch},
                 {"threads", options.threads},
                 {"tf32", options.tf32},
                 {"large_gemm_flops_per_second", gemm_flops},
                 {"results", results}});
    write_json(options.json, json);
  }
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("convolutions of lenet5 and vgg3: the library against im2col and a matrix product", "bench_convolution");
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 20);
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--layer", options.layer, "only layers that start so, e.g. vgg3 or lenet5/1");
  app.add_option("--networks", options.networks, "population sizes, e.g. 1,16,64")
      ->delimiter(',')
      ->check(positive)
      ->capture_default_str();
  app.add_option("--micro-batch", options.micro_batch, "samples of a pass")->check(positive)->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads (0: one a core)")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_flag("--tf32", options.tf32, "allow TF32 (GPU)");
  app.add_option("--commit", options.commit, "commit to record (default: the source tree's)");
  app.add_option("--json", options.json, "write the results to this file");
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
  return murmur::bench::guarded_main("bench_convolution", [&] { return murmur::bench::run(argc, argv); });
}
