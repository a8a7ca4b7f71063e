#include "app/cluster.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "app/signals.hpp"
#include "murmur/engine/error.hpp"
#include "murmur/engine/version.hpp"

namespace murmur::app {
namespace {

using Json = nlohmann::json;

Ranks* the_ranks = nullptr;

/// What ranks must have in common: their program and their images.
Json identity(const Dataset& dataset) {
  return {{"version", version()}, {"commit", commit()}, {"images", dataset.contents}};
}

class LoadedData final : public ServedData {
 public:
  Json load(const Json& request) override {
    CommonOptions options;
    options.dataset = request.at("dataset").get<std::string>();
    options.data = request.at("data").get<std::string>();
    options.image_size = request.at("image_size").get<std::string>();
    options.train_images = request.at("train_images").get<int64_t>();
    options.skip_broken = request.at("skip_broken").get<bool>();
    options.no_cache = request.at("no_cache").get<bool>();
    data_.reset();
    dataset_ = load_data(options);
    return identity(*dataset_);
  }

  TrainingData on(Device device) override {
    if (!data_ && dataset_) data_ = training_data(*std::exchange(dataset_, std::nullopt), device, false);
    if (!data_) throw Error("expected images before the first trainer, got none");
    return *data_;
  }

 private:
  std::optional<Dataset> dataset_;  // until it is known where it trains
  std::optional<TrainingData> data_;
};

/// Ranks of one machine share its cores, unless the launcher has given each its own.
ServerPlace place_of(const MpiSession& session) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {session.local_rank(), 1};
  const int cores = CPU_COUNT(&set);
  const bool is_bound = cores < static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  return {session.local_rank(), is_bound ? cores : std::max(1, cores / session.local_size())};
}

}  // namespace

Cluster::Cluster() {
  if (!MpiSession::is_launched()) return;
  session_ = std::make_unique<MpiSession>();
  if (session_->size() == 1 || serves()) return;
  // A launcher that ends a job gives it a second: there is no time to finish an epoch.
  SignalWatch::be_urgent();
  ranks_ = std::make_unique<Ranks>(session_->connect(), place_of(*session_));
  the_ranks = ranks_.get();
}

Cluster::~Cluster() {
  the_ranks = nullptr;
}

int Cluster::leave(int code) {
  if (session_ && SignalWatch::seen() != 0) {
    std::fflush(nullptr);
    std::_Exit(code);
  }
  return code;
}

void Cluster::serve() {
  const std::vector<RankChannel> to_rank_0 = session_->connect();
  LoadedData data;
  serve_trainer(*to_rank_0.front().channel, data, place_of(*session_));
}

Ranks* ranks() {
  return the_ranks;
}

int num_ranks() {
  return the_ranks == nullptr ? 1 : the_ranks->size();
}

Dataset load_on_all_ranks(const CommonOptions& options) {
  if (the_ranks == nullptr) return load_data(options);
  const std::string data = options.data.empty() ? "" : std::filesystem::absolute(options.data).string();
  the_ranks->begin_load({{"dataset", options.dataset},
                         {"data", data},
                         {"image_size", options.image_size},
                         {"train_images", options.train_images},
                         {"skip_broken", options.skip_broken},
                         {"no_cache", options.no_cache}});
  Dataset dataset = load_data(options);
  the_ranks->end_load(identity(dataset));
  return dataset;
}

}  // namespace murmur::app
