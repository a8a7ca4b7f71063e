#include "murmur/distributed/trainer_server.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "murmur/distributed/messages.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using Json = nlohmann::json;

class Server {
 public:
  Server(Channel& channel, ServedData& data, const ServerPlace& place, OnTicks on_ticks)
      : channel_(channel), data_(data), place_(place), on_ticks_(std::move(on_ticks)) {}

  void run() {
    for (Json request = next(); request.at("do") != "end"; request = next()) {
      Json answer;
      try {
        answer = answer_to(request);
      } catch (const std::exception& error) {
        answer = error_json(error);
      }
      channel_.send(answer);
    }
  }

 private:
  Json next() {
    if (pending_) return *std::exchange(pending_, std::nullopt);
    std::optional<Json> message;
    wait_until([&] { return (message = channel_.try_receive()).has_value(); });
    return *message;
  }

  Json answer_to(const Json& request) {
    const auto what = request.at("do").get<std::string>();
    if (what == "load") return data_.load(request.at("data"));
    if (what == "make") {
      trainer_.reset();
      make(parse_trainer(request.at("trainer")));
      return Json::object();
    }
    if (what == "drop") {
      trainer_.reset();
      return Json::object();
    }
    if (!trainer_) throw Error("expected a trainer, got '{}' without one", what);
    obey(*trainer_, request.at("commands"));
    if (what == "test") return tests_json(*trainer_, trainer_->evaluate_test());
    return results_json(*trainer_, trainer_->run_epoch());
  }

  void make(TrainerRequest request) {
    TrainerOptions& options = request.options;
    if (options.device.is_cuda()) {
      options.device = gpu_of(options.device, place_.local_rank, num_cuda_devices());
      require_device(options.device);
    }
    if (options.num_threads == 0) options.num_threads = place_.num_threads;
    options.on_ticks = [this](const TickProgress& ticks) { look_up(ticks); };
    TrainingData data = data_.on(options.device);
    data.training = request.training;
    data.validation = request.validation;
    trainer_ = std::make_unique<PopulationTrainer>(request.model, data, options);
  }

  /// Within an epoch rank 0 says nothing but that the epoch's results are not wanted any more.
  void look_up(const TickProgress& ticks) {
    if (on_ticks_) on_ticks_(ticks);
    if (!pending_) pending_ = channel_.try_receive();
    if (pending_) throw Error("rank 0 wants this epoch no more");
  }

  Channel& channel_;
  ServedData& data_;
  ServerPlace place_;
  OnTicks on_ticks_;
  std::optional<Json> pending_;  // a request that has come within an epoch
  std::unique_ptr<PopulationTrainer> trainer_;
};

}  // namespace

Device gpu_of(Device first, int local_rank, int num_gpus) {
  const int num_usable = num_gpus - first.index;
  if (num_usable > 0) first.index += local_rank % num_usable;
  return first;
}

void serve_trainer(Channel& channel, ServedData& data, const ServerPlace& place, const OnTicks& on_ticks) {
  Server(channel, data, place, on_ticks).run();
}

}  // namespace murmur
