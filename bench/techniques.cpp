// What each technique costs by itself: the time of an epoch with it on over one with everything off, in turns within
// one run. A magnitude is the middle of what a search covers; of a choice, each is measured.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "bench/common.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/dimensions.hpp"

namespace murmur::bench {
namespace {

struct Options {
  std::string device = "auto";
  std::vector<std::string> models{"fc", "lenet5"};
  std::vector<std::string> only;  // keys; empty: all
  std::string json;
  std::string commit;
  int64_t networks = 16;
  int64_t images = 6400;
  int64_t repeats = 5;
  int threads = 0;
};

struct Case {
  Technique id;
  double value;
};

/// Everything off but for one technique; a rate so small that no network diverges.
Setting setting_of(const Case& one) {
  Setting setting;
  setting.set(Technique::kLearningRate, 1e-6);
  setting.set(one.id, one.value);
  return setting;
}

/// What has no cost of its own is left out: rates, batch sizes, schedules of the two.
std::vector<Case> cases_of(const Options& options) {
  std::vector<Case> cases;
  for (const TechniqueInfo& info : techniques()) {
    const bool is_wanted = options.only.empty() || std::ranges::find(options.only, info.key) != options.only.end();
    const Dimension& dimension = study_dimension(info.id);
    const bool has_cost = has_off(dimension) || !info.choices.empty();
    if (!is_wanted || !has_cost || info.id == Technique::kLearningRateSchedule ||
        info.id == Technique::kBatchSizeSchedule) {
      continue;
    }
    if (info.choices.empty()) {
      cases.push_back({info.id, decode(dimension, (dimension.raw_low + dimension.raw_high) / 2)});
    }
    for (size_t choice = 1; choice < info.choices.size(); ++choice) {
      cases.push_back({info.id, static_cast<double>(choice)});
    }
  }
  return cases;
}

/// Seconds of an epoch of a population, all of whose networks have one setting.
double seconds_of(PopulationTrainer& trainer, int64_t num_networks, const Setting& setting) {
  for (int64_t p = 0; p < num_networks; ++p) trainer.start(p, {static_cast<uint64_t>(p + 1), setting, 1000});
  trainer.run_epoch();  // what a setting needs is made and captured
  return time_seconds([&] {
    for (const EpochResult& result : trainer.run_epoch()) {
      if (result.diverged) throw Error("techniques: expected networks that stay finite, got one that diverged");
    }
  });
}

/// The medians of the ratios of one model, a row a case.
nlohmann::json measure(const Options& options, const std::string& model, const std::vector<Case>& cases) {
  TrainerOptions trainer_options;
  trainer_options.device = parse_device(options.device);
  trainer_options.num_networks = options.networks;
  trainer_options.num_threads = options.threads;
  const TrainingData data = random_data(options.images, 0, {28, 28, 1}, 10, trainer_options.device);
  nlohmann::json rows = nlohmann::json::array();
  fmt::print("\n{}\n{:<40} {:>9} {:>9} {:>9}\n", model, "technique", "on/off", "min", "max");
  for (const Case& one : cases) {
    // A trainer of its own: what one technique has asked for, others do not pay.
    PopulationTrainer trainer(parse_model(model), data, trainer_options);
    const Setting on = setting_of(one), off = setting_of({Technique::kShuffle, 0});
    PopulationTrainer plain(parse_model(model), data, trainer_options);
    std::vector<double> ratios;
    for (int64_t repeat = 0; repeat < options.repeats; ++repeat) {
      const double without = seconds_of(plain, options.networks, off);
      ratios.push_back(seconds_of(trainer, options.networks, on) / without);
    }
    const Summary ratio = summarize(ratios);
    const std::string name = format_assignment(on, one.id);
    fmt::print("{:<40} {:>9.2f} {:>9.2f} {:>9.2f}\n", name, ratio.median, ratio.min, ratio.max);
    std::fflush(stdout);
    rows.push_back({{"technique", technique(one.id).key},
                    {"setting", name},
                    {"time_on_over_off", {{"median", ratio.median}, {"min", ratio.min}, {"max", ratio.max}}}});
  }
  return rows;
}

int benchmark(const Options& options, std::span<char* const> arguments) {
  const Device device = parse_device(options.device);
  require_device(device);
  for (const std::string& key : options.only) technique(key);
  const std::vector<Case> cases = cases_of(options);
  fmt::print("{} networks, {} images an epoch, medians of {}, on {}: {}\n", options.networks, options.images,
             options.repeats, device.name(), describe(device));
  nlohmann::json results = nlohmann::json::object();
  for (const std::string& model : options.models) results[model] = measure(options, model, cases);
  if (!options.json.empty()) {
    nlohmann::json json = provenance(device, options.commit, arguments);
    json.update({{"benchmark", "techniques"},
                 {"networks", options.networks},
                 {"images", options.images},
                 {"repeats", options.repeats},
                 {"threads", options.threads},
                 {"results", results}});
    write_json(options.json, json);
  }
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("what each technique costs in training time, on random data", "bench_techniques");
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 30);
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--model", options.models, "models, e.g. fc,lenet5")->delimiter(',')->capture_default_str();
  app.add_option("--only", options.only, "techniques, e.g. dropout,cutout (default: all)")->delimiter(',');
  app.add_option("--networks", options.networks, "population size")->check(positive)->capture_default_str();
  app.add_option("--images", options.images, "training images")->check(positive)->capture_default_str();
  app.add_option("--repeats", options.repeats, "timed epochs, in turns")->check(positive)->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads (0: one a core)")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
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
  return murmur::bench::guarded_main("bench_techniques", [&] { return murmur::bench::run(argc, argv); });
}
