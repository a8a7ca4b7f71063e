// How many ranks rank 0 can bear.
//
// The search, its swarm, its study and the messages are the real ones; what trains is not: a rank that only answers
// when its epoch would have ended. Time is simulated: while rank 0 waits for all ranks the clock jumps to the next end
// of an epoch, so that what is measured is rank 0's own work, and hundreds of ranks need no machine. With --real the
// clock is the wall's, and rank 0 waits as it does in an mpirun: a check of the simulation.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bench/common.hpp"
#include "murmur/distributed/distributed_trainer.hpp"
#include "murmur/distributed/messages.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/pso/driver.hpp"
#include "murmur/pso/initial_positions.hpp"
#include "murmur/pso/swarm.hpp"

namespace murmur::bench {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kSeed = 1;

struct Options {
  std::vector<int64_t> ranks{1, 4, 8, 64, 512};
  std::vector<double> trial_seconds{0.1, 1, 10};
  int64_t slots = 1;
  int64_t epochs = 10;
  int64_t trials = 4000;
  bool real = false;
  std::string folder;
  std::string json;
  std::string commit;
};

/// In [0, 1), addressed.
double uniform(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9e3779b97f4a7c15ULL + b + 0x632be59bd9b4e019ULL;
  x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27U) * 0x94d049bb133111ebULL;
  return std::ldexp(static_cast<double>((x ^ x >> 31U) >> 11U), -53);
}

/// The time of all ranks, in seconds.
class Time {
 public:
  explicit Time(bool real) : real_(real) {}

  double now() const { return std::chrono::duration<double>(Clock::now() - start_).count() + jumped_; }
  /// Rank 0's own time.
  double worked() const { return now() - jumped_; }
  void begin(double end) { ends_.insert({end, 0}); }
  void end(double end) {
    ends_.erase(ends_.find(end));
    num_misses_ = 0;
  }
  /// A look at a rank that was not ready. Where all have been looked at in vain, the next one is now.
  void miss() {
    if (++num_misses_ <= ends_.size() || real_) return;
    jumped_ += std::max(0.0, ends_.begin()->first - now());
    num_misses_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool real_;
  Clock::time_point start_ = Clock::now();
  double jumped_ = 0;
  size_t num_misses_ = 0;
  std::multimap<double, int> ends_;  // of the epochs that run
};

/// A rank whose epochs take so long, 5 % more or less.
class FakeRank final : public Channel {
 public:
  FakeRank(Time& time, uint64_t rank, double epoch_seconds) : time_(time), rank_(rank), epoch_seconds_(epoch_seconds) {}

  void send(const Json& sent) override {
    const Json message = Json::from_cbor(Json::to_cbor(sent));  // as MPI's channel does
    if (message.at("do") != "epoch") {
      if (end_ > 0) time_.end(std::exchange(end_, 0));  // of an epoch that is not wanted any more
      answers_.push_back(Json::object());
      return;
    }
    for (const Json& command : message.at("commands")) {
      const auto slot = command.at("slot").get<int64_t>();
      networks_.erase(slot);
      if (command.contains("seed")) networks_[slot] = {command.at("seed").get<uint64_t>(), 0};
    }
    Json rows = Json::array();
    for (auto& [slot, network] : networks_) {
      const double accuracy = 0.5 + 0.4 * uniform(network.first, static_cast<uint64_t>(++network.second));
      rows.push_back({slot, network.second, 1 - accuracy, accuracy, 1 - accuracy, accuracy, false});
    }
    answers_.push_back({{"results", rows}});
    end_ = time_.now() + epoch_seconds_ * (0.95 + 0.1 * uniform(rank_ << 32U, num_epochs_++));
    time_.begin(end_);
  }

  std::optional<Json> try_receive() override {
    if (answers_.empty()) return std::nullopt;
    if (time_.now() < end_) {
      time_.miss();
      return std::nullopt;
    }
    if (end_ > 0) time_.end(std::exchange(end_, 0));
    const Json answer = std::move(answers_.front());
    answers_.pop_front();
    return Json::from_cbor(Json::to_cbor(answer));
  }

 private:
  Time& time_;
  uint64_t rank_;
  double epoch_seconds_;
  std::map<int64_t, std::pair<uint64_t, int64_t>> networks_;  // seed and epochs of each slot's
  std::deque<Json> answers_;
  double end_ = 0;  // of the epoch that runs
  uint64_t num_epochs_ = 0;
};

/// From when each slot has ended about five trials until as many as asked for have been told.
Json measure(const Options& options, int64_t num_ranks, double trial_seconds, const std::filesystem::path& path) {
  const StudyDefinition definition;
  const int64_t num_slots = num_ranks * options.slots;
  Time time(options.real);
  std::vector<RankChannel> ranks;
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    ranks.push_back({fmt::format("rank {}", rank),
                     std::make_shared<FakeRank>(time, static_cast<uint64_t>(rank),
                                                trial_seconds / static_cast<double>(options.epochs))});
  }
  TrainingData data;
  data.training.count = 48000;
  TrainerOptions trainer_options;
  trainer_options.num_networks = num_slots;
  DistributedTrainer trainer(parse_model("fc"), data, trainer_options, {}, ranks, {});
  SwarmOptions swarm_options;
  swarm_options.num_particles = std::max<int64_t>(8, num_slots);
  swarm_options.patience = int64_t{1} << 30;
  swarm_options.seed = kSeed;
  Swarm swarm(definition.space.low(), definition.space.high(), swarm_options,
              sparse_initial_positions(definition.space, swarm_options.num_particles, kSeed));
  Study study = Study::create_or_open(path, definition);
  SearchDriver driver(trainer, swarm, study,
                      {.num_trials = 0, .num_epochs = options.epochs, .abort_below = 0, .seed = kSeed});
  const auto run_until = [&](int64_t num_told) {
    while (driver.progress().num_told < num_told && driver.step()) {
    }
    return driver.progress().num_told;
  };
  const int64_t first = run_until(5 * num_slots);
  const double begin = time.now(), begin_work = time.worked();
  const int64_t last = run_until(first + std::max(options.trials, 20 * num_slots));
  const double seconds = time.now() - begin, work = time.worked() - begin_work;
  const auto num_trials = static_cast<double>(last - first);
  const double ideal = static_cast<double>(num_slots) / trial_seconds;
  return {{"ranks", num_ranks},
          {"slots", num_slots},
          {"trial_seconds", trial_seconds},
          {"trials", last - first},
          {"trials_per_second", num_trials / seconds},
          {"efficiency", num_trials / seconds / ideal},
          {"rank_0_us_per_trial", options.real ? Json() : Json(work / num_trials * 1e6)},
          {"rank_0_busy", options.real ? Json() : Json(work / seconds)}};
}

int benchmark(const Options& options, std::span<char* const> arguments) {
  const std::filesystem::path base =
      options.folder.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(options.folder);
  const std::filesystem::path path = base / fmt::format("bench_ranks.{}.db", getpid());
  Json rows = Json::array();
  fmt::print("{} networks a rank, {} epochs a trial, {}; the study in {}\n", options.slots, options.epochs,
             options.real ? "in real time" : "simulated time", base.string());
  fmt::print("{:>6}{:>12}{:>12}{:>12}{:>16}{:>14}\n", "ranks", "s a trial", "trials/s", "efficiency", "rank 0, us",
             "rank 0 busy");
  for (const double trial_seconds : options.trial_seconds) {
    for (const int64_t num_ranks : options.ranks) {
      const Json row = rows.emplace_back(measure(options, num_ranks, trial_seconds, path));
      std::filesystem::remove(path);
      const auto text = [&](const char* key, double factor, const char* unit) {
        return row[key].is_null() ? std::string("-") : fmt::format("{:.0f}{}", row[key].get<double>() * factor, unit);
      };
      fmt::print("{:>6}{:>12}{:>12.1f}{:>10.1f} %{:>16}{:>14}\n", num_ranks, trial_seconds,
                 row["trials_per_second"].get<double>(), row["efficiency"].get<double>() * 100,
                 text("rank_0_us_per_trial", 1, ""), text("rank_0_busy", 100, " %"));
      std::fflush(stdout);
    }
  }
  if (!options.json.empty()) {
    Json json = provenance(Device(), options.commit, arguments);
    json.update({{"benchmark", "ranks"},
                 {"epochs", options.epochs},
                 {"slots_per_rank", options.slots},
                 {"real_time", options.real},
                 {"results", rows}});
    write_json(options.json, json);
  }
  return 0;
}

}  // namespace
}  // namespace murmur::bench

int main(int argc, char** argv) {
  murmur::bench::Options options;
  CLI::App app("what rank 0 costs a search on many ranks, with ranks that train nothing");
  app.add_option("--ranks", options.ranks)->delimiter(',')->capture_default_str();
  app.add_option("--trial-seconds", options.trial_seconds)->delimiter(',')->capture_default_str();
  app.add_option("--slots", options.slots, "networks of a rank")->capture_default_str();
  app.add_option("--epochs", options.epochs, "of a trial")->capture_default_str();
  app.add_option("--trials", options.trials, "that are measured, at least twenty a slot")->capture_default_str();
  app.add_flag("--real", options.real, "in real time");
  app.add_option("--folder", options.folder, "of the study's file")->capture_default_str();
  app.add_option("--json", options.json);
  app.add_option("--commit", options.commit);
  CLI11_PARSE(app, argc, argv);
  return murmur::bench::guarded_main("bench_ranks", [&] {
    return benchmark(options, {argv, static_cast<size_t>(argc)});
  });
}
