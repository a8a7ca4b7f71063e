#include "murmur/distributed/ranks.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "murmur/distributed/messages.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenTicks{250};

Json receive(Channel& channel) {
  std::optional<Json> message;
  wait_until([&] { return (message = channel.try_receive()).has_value(); });
  return *std::move(message);
}

}  // namespace

TrainingData Ranks::Local::on(Device) {
  return *ranks->data_;
}

Ranks::Ranks(std::vector<RankChannel> others, const ServerPlace& place, int num_local)
    : num_local_(static_cast<size_t>(num_local)) {
  for (int i = 0; i < num_local; ++i) {
    Local& local = *locals_.emplace_back(std::make_unique<Local>(*this));
    auto [ours, theirs] = make_local_channel();
    channels_.push_back({"rank " + std::to_string(i), std::move(ours)});
    local.channel = std::move(theirs);
    local.thread = std::thread([&local, place] {
      serve_trainer(*local.channel, local, place, [&local](const TickProgress& ticks) {
        local.num_all = ticks.num_all;
        local.num_done = ticks.num_done;
      });
    });
  }
  for (RankChannel& other : others) channels_.push_back(std::move(other));
}

Ranks::~Ranks() {
  try {
    for (const RankChannel& rank : channels_) rank.channel->send({{"do", "end"}});
  } catch (const std::exception&) {  // a destructor has nobody to tell
  }
  for (const auto& local : locals_) local->thread.join();
}

void Ranks::begin_load(const Json& request) {
  for (size_t i = num_local_; i < channels_.size(); ++i) {
    channels_[i].channel->send({{"do", "load"}, {"data", request}});
  }
}

void Ranks::end_load(const Json& expected) {
  // All answers are taken before one throws: none may be left for the next request.
  std::vector<Json> answers;
  for (size_t i = num_local_; i < channels_.size(); ++i) answers.push_back(receive(*channels_[i].channel));
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string& name = channels_[num_local_ + i].name;
    throw_if_error(answers[i], name);
    if (answers[i] == expected) continue;
    throw DataError("{}: expected what rank 0 has loaded, {}, got {}", name, expected.dump(), answers[i].dump());
  }
}

std::unique_ptr<Trainer> Ranks::make(const ModelSpecification& model, const TrainingData& data,
                                     const TrainerOptions& options, const TrainerSharing& sharing) {
  data_ = data;
  const auto tell = [this, on_ticks = options.on_ticks, last = Clock::now()]() mutable {
    if (!on_ticks || Clock::now() - last < kBetweenTicks) return;
    last = Clock::now();
    on_ticks({locals_.front()->num_done, locals_.front()->num_all});
  };
  return std::make_unique<DistributedTrainer>(model, data, options, sharing, channels_, tell);
}

}  // namespace murmur
