// What a search costs beside training: swarm, study, and the driver between them and the trainer.
//
// A search of short trials on a tiny model runs first; then the trainer alone trains the same trials, in the same slots
// and the same order, and the swarm and the study alone repeat what they did in that search. The rest is the driver's
// own: decoding positions, refilling and emptying slots. Last, swarm and study alone go through a long search.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bench/common.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/replay.hpp"
#include "murmur/pso/swarm.hpp"

namespace murmur::bench {
namespace {

constexpr ImageSize kImageSize{4, 4, 1};
constexpr int64_t kNumClasses = 10;
constexpr uint64_t kSeed = 1;

struct Options {
  std::string device = "auto";
  std::string model = "flatten linear8 dropout linear";
  std::string folder;
  std::string json;
  std::string commit;
  int64_t trials = 2000;
  int64_t long_trials = 100000;
  int64_t slots = 22;
  int64_t images = 128;
  int64_t repeats = 3;
  int threads = 0;
};

/// A folder for study files that goes away with this object.
class Folder {
 public:
  explicit Folder(const std::string& parent) {
    const std::filesystem::path base(parent.empty() ? std::filesystem::temp_directory_path().string() : parent);
    path_ = base / fmt::format("bench_search.{}", getpid());
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// The path of a new file.
  std::filesystem::path next() { return path_ / fmt::format("study{}.db", count_++); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int count_ = 0;
};

/// Every trial is to be trained to its end: no early stop of the search, none of a trial.
SwarmOptions swarm_options(int64_t num_particles) {
  SwarmOptions options;
  options.num_particles = num_particles;
  options.patience = int64_t{1} << 30;
  options.seed = kSeed;
  return options;
}

SearchOptions search_options(const Options& options) {
  SearchOptions result;
  result.num_trials = options.trials;
  result.num_epochs = 1;
  result.abort_below = 0;
  result.seed = kSeed;
  return result;
}

Swarm make_swarm(const SearchSpace& space, int64_t num_particles) {
  return Swarm(space.low(), space.high(), swarm_options(num_particles),
               sparse_initial_positions(space, num_particles, kSeed));
}

TrainerOptions trainer_options(const Options& options) {
  TrainerOptions result;
  result.device = parse_device(options.device);
  result.num_networks = options.slots;
  result.num_threads = options.threads;
  return result;
}

/// Runs the search; returns its seconds.
double run_search(const Options& options, const TrainingData& data, const std::filesystem::path& path) {
  const StudyDefinition definition;
  PopulationTrainer trainer(parse_model(options.model), data, trainer_options(options));
  Swarm swarm = make_swarm(definition.space, options.slots);
  Study study = Study::create_or_open(path, definition);
  const double seconds = time_seconds([&] {
    SearchDriver driver(trainer, swarm, study, search_options(options));
    while (driver.step()) {
    }
  });
  if (swarm.num_told() != options.trials) {
    throw Error("search: expected {} trials, got {}", options.trials, swarm.num_told());
  }
  return seconds;
}

/// The trials of a search in the order in which its slots took them, the baseline first.
std::vector<Trial> trained(const std::vector<TrialRecord>& records) {
  std::vector<Trial> trials{{kSeed, Setting(), 1}};
  for (const TrialRecord& record : records) trials.push_back({record.seed, record.setting, 1});
  return trials;
}

/// Trains the same trials in the same slots, and nothing else.
double run_training(const Options& options, const TrainingData& data, const std::vector<Trial>& trials) {
  PopulationTrainer trainer(parse_model(options.model), data, trainer_options(options));
  double seconds = 0;
  for (size_t first = 0; first < trials.size(); first += static_cast<size_t>(options.slots)) {
    const size_t num = std::min(trials.size() - first, static_cast<size_t>(options.slots));
    seconds += time_seconds([&] {
      for (size_t i = 0; i < num; ++i) trainer.start(static_cast<int64_t>(i), trials[first + i]);
    });
    for (size_t i = num; i < static_cast<size_t>(options.slots); ++i) trainer.stop(static_cast<int64_t>(i));
    seconds += time_seconds([&] { trainer.run_epoch(); });
  }
  return seconds;
}

struct Parts {
  double swarm = 0;
  double study = 0;
};

/// The calls of a search to its swarm and its study, with no training: at each epoch's end all that run are told, in
/// the order of their slots, and as many new candidates are asked for. `fitness` has one value a trial, or is empty for
/// a function of the position.
class Bookkeeping {
 public:
  Bookkeeping(int64_t num_particles, const std::filesystem::path& path)
      : swarm_(make_swarm(definition_.space, num_particles)), study_(Study::create_or_open(path, definition_)) {}

  /// Seconds of the next trials.
  Parts run(int64_t num_trials, const std::vector<double>& fitness) {
    Parts parts;
    const int64_t end = swarm_.num_told() + num_trials;
    for (; swarm_.num_told() < end; ++clock_) {
      const double before = parts.swarm;
      const double all = time_seconds([&] {
        Study::Transaction transaction(study_);
        for (const Candidate& candidate : running_) {
          finish(candidate, fitness.empty() ? value_of(candidate) : fitness[static_cast<size_t>(candidate.id)], parts);
        }
        running_.clear();
        begin(std::min(swarm_.options().num_particles, end - swarm_.num_told()), parts);
        transaction.commit();
      });
      parts.study += all - (parts.swarm - before);
    }
    return parts;
  }

 private:
  void begin(int64_t num, Parts& parts) {
    for (int64_t slot = 0; slot < num; ++slot) {
      parts.swarm += time_seconds([&] { running_.push_back(swarm_.ask(1).front()); });
      const Candidate& candidate = running_.back();
      study_.begin_trial(TrialSeeds{kSeed, false}.of(candidate.id), candidate.position,
                         {{kParticle, candidate.particle}, {kSlot, slot}, {kBegun, clock_}});
    }
  }

  void finish(const Candidate& candidate, double value, Parts& parts) {
    TrialResult result;
    result.state = std::isnan(value) ? TrialState::kFail : TrialState::kComplete;
    result.value = value;
    result.intermediate = {value};
    result.attributes = {{kTold, swarm_.num_told()}, {kAsked, swarm_.num_asked()}, {kEpochs, 1}};
    study_.finish_trial(candidate.id, result);
    parts.swarm += time_seconds([&] { swarm_.tell(candidate.id, std::isnan(value) ? kWorst : value); });
  }

  /// Anything smooth: nearer to the middle of the space is better.
  double value_of(const Candidate& candidate) const {
    const std::vector<double> low = definition_.space.low();
    const std::vector<double> high = definition_.space.high();
    double sum = 0;
    for (size_t d = 0; d < low.size(); ++d) {
      const double x = (candidate.position[d] - low[d]) / (high[d] - low[d]) - 0.5;
      sum += x * x;
    }
    return 1 / (1 + sum);
  }

  StudyDefinition definition_;
  Swarm swarm_;
  Study study_;
  std::vector<Candidate> running_;
  int64_t clock_ = 0;
};

std::vector<double> fitness_of(const std::vector<TrialRecord>& records) {
  std::vector<double> fitness;
  for (const TrialRecord& record : records) fitness.push_back(record.value);
  return fitness;
}

double micros(double seconds, int64_t num_trials) {
  return seconds * 1e6 / static_cast<double>(num_trials);
}

/// Medians over the repeats, in µs a trial.
nlohmann::json measure_search(const Options& options, Folder& folder) {
  const TrainingData data =
      random_data(options.images, options.images, kImageSize, kNumClasses, parse_device(options.device));
  std::map<std::string, std::vector<double>> parts;
  for (int64_t repeat = 0; repeat < options.repeats; ++repeat) {
    const std::filesystem::path path = folder.next();
    const double total = run_search(options, data, path);
    const std::vector<TrialRecord> records = Study::open_read_only(path).trials();
    const double training = run_training(options, data, trained(records));
    const Parts alone = Bookkeeping(options.slots, folder.next()).run(options.trials, fitness_of(records));
    parts["total"].push_back(total);
    parts["training"].push_back(training);
    parts["overhead"].push_back(total - training);
    parts["swarm"].push_back(alone.swarm);
    parts["study"].push_back(alone.study);
    parts["rest"].push_back(total - training - alone.swarm - alone.study);
  }
  nlohmann::json result;
  for (const auto& [name, seconds] : parts) result[name] = micros(median(seconds), options.trials);
  return result;
}

/// Swarm and study alone, in ten parts: does a trial cost more when there are many? µs a trial.
nlohmann::json measure_long(const Options& options, Folder& folder) {
  const std::filesystem::path path = folder.next();
  nlohmann::json result;
  {
    Bookkeeping search(options.slots, path);
    Parts sum;
    for (int64_t tenth = 0; tenth < 10; ++tenth) {
      const int64_t num = options.long_trials * (tenth + 1) / 10 - options.long_trials * tenth / 10;
      const Parts part = search.run(num, {});
      sum.swarm += part.swarm;
      sum.study += part.study;
      result["tenths"].push_back(micros(part.swarm + part.study, std::max(num, int64_t{1})));
    }
    result["swarm"] = micros(sum.swarm, options.long_trials);
    result["study"] = micros(sum.study, options.long_trials);
    result["overhead"] = micros(sum.swarm + sum.study, options.long_trials);
  }
  result["file_bytes_per_trial"] =
      static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(options.long_trials);
  result["read_all_seconds"] = time_seconds([&] { Study::create_or_open(path, StudyDefinition()).trials(); });
  // What a search does that goes on: it reads all trials, and compares each with what its swarm asks for.
  Swarm swarm = make_swarm(StudyDefinition().space, options.slots);
  result["resume_seconds"] = time_seconds([&] {
    replay_study(Study::create_or_open(path, StudyDefinition()), swarm, {kSeed, false});
  });
  return result;
}

void print_search(const nlohmann::json& parts, const Options& options) {
  fmt::print("search: {} trials of 1 epoch of {} images in {} slots, median of {}\n", options.trials, options.images,
             options.slots, options.repeats);
  for (const char* name : {"total", "training", "overhead", "swarm", "study", "rest"}) {
    const bool part = name == std::string("swarm") || name == std::string("study") || name == std::string("rest");
    fmt::print("  {:<20}{:>10.1f} us a trial\n", std::string(part ? "  " : "") + name, parts[name].get<double>());
  }
}

void print_long(const nlohmann::json& parts, const Options& options) {
  fmt::print("swarm and study alone, {} trials\n", options.long_trials);
  for (const char* name : {"overhead", "swarm", "study"}) {
    fmt::print("  {:<20}{:>10.1f} us a trial\n", name, parts[name].get<double>());
  }
  fmt::print("  {:<20}{:>10.1f} us a trial\n", "first tenth", parts["tenths"].front().get<double>());
  fmt::print("  {:<20}{:>10.1f} us a trial\n", "last tenth", parts["tenths"].back().get<double>());
  fmt::print("  {:<20}{:>10.0f} bytes a trial\n", "study file", parts["file_bytes_per_trial"].get<double>());
  fmt::print("  {:<20}{:>10.2f} s\n", "reading it all", parts["read_all_seconds"].get<double>());
  fmt::print("  {:<20}{:>10.2f} s\n", "going on", parts["resume_seconds"].get<double>());
}

int benchmark(const Options& options, std::span<char* const> arguments) {
  const Device device = parse_device(options.device);
  Folder folder(options.folder);
  fmt::print("{}: {}; studies in {}\n", device.name(), describe(device), folder.path().parent_path().string());
  nlohmann::json json = provenance(device, options.commit, arguments);
  json.update({{"benchmark", "search_overhead"},
               {"unit", "us per trial"},
               {"model", options.model},
               {"trials", options.trials},
               {"slots", options.slots},
               {"images", options.images},
               {"repeats", options.repeats},
               {"threads", options.threads}});
  if (options.trials > 0) {
    json["search"] = measure_search(options, folder);
    print_search(json["search"], options);
  }
  if (options.long_trials > 0) {
    json["bookkeeping"] = measure_long(options, folder);
    json["bookkeeping"]["trials"] = options.long_trials;
    print_long(json["bookkeeping"], options);
  }
  if (!options.json.empty()) write_json(options.json, json);
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("what a search costs beside training, per trial", "bench_search");
  const auto count = CLI::Range(int64_t{0}, int64_t{1} << 30);
  const auto positive = CLI::Range(int64_t{1}, int64_t{1} << 20);
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--model", options.model, "model of the trials")->capture_default_str();
  app.add_option("--trials", options.trials, "trials of the search (0: no search)")
      ->check(count)
      ->capture_default_str();
  app.add_option("--long-trials", options.long_trials, "trials of swarm and study alone (0: none)")
      ->check(count)
      ->capture_default_str();
  app.add_option("--slots", options.slots, "networks trained at once, and particles")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--images", options.images, "training images, and validation images")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--repeats", options.repeats, "searches")->check(positive)->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads (0: one a core)")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--folder", options.folder, "where the study files go (default: the temporary folder)");
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
  return murmur::bench::guarded_main("bench_search", [&] { return murmur::bench::run(argc, argv); });
}
