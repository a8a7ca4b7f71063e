#include "murmur/distributed/distributed_trainer.hpp"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "murmur/distributed/messages.hpp"
#include "murmur/engine/error.hpp"

namespace murmur {

using Json = nlohmann::json;

DistributedTrainer::DistributedTrainer(const ModelSpecification& model, const TrainingData& data,
                                       const TrainerOptions& options, const TrainerSharing& sharing,
                                       const std::vector<RankChannel>& ranks, std::function<void()> idle)
    : sharing_(sharing),
      epoch_size_(data.training.count),
      idle_(std::move(idle)),
      running_(static_cast<size_t>(options.num_networks), 0) {
  const int64_t num_groups = options.num_networks / sharing.together;
  if (num_groups < 1 || options.num_networks % sharing.together != 0) {
    throw InvalidArgument("networks: expected a multiple of the {} that belong together, got {}", sharing.together,
                          options.num_networks);
  }
  const auto num_ranks = static_cast<int64_t>(ranks.size());
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    const int64_t first = num_groups * rank / num_ranks, end = num_groups * (rank + 1) / num_ranks;
    if (first == end) continue;  // fewer than ranks
    parts_.push_back({ranks[static_cast<size_t>(rank)], first * sharing.together, (end - first) * sharing.together});
  }
  for (Part& part : parts_) {
    request(part, {{"do", "make"}, {"trainer", trainer_json(model, data, options, part.count)}});
  }
  // All answers are taken before one throws: there will be no destructor, and none may be left for the next trainer.
  std::exception_ptr error;
  const auto look = [&] {
    try {
      take([](Part&, const Json&) {});
    } catch (const Error&) {
      error = std::current_exception();
    }
    return !is_any_busy();
  };
  wait_until(look, idle_);
  if (error) std::rethrow_exception(error);
}

DistributedTrainer::~DistributedTrainer() {
  try {
    for (const Part& part : parts_) part.rank.channel->send({{"do", "drop"}});
    // What is thrown may be a signal's doing, which may have ended the others.
    if (std::uncaught_exceptions() > 0) return;
    for (const Part& part : parts_) {
      for (int answers = part.is_busy ? 2 : 1; answers > 0; --answers) {
        wait_until([&] { return part.rank.channel->try_receive().has_value(); });
      }
    }
  } catch (const std::exception&) {  // a destructor has nobody to tell
  }
}

DistributedTrainer::Part& DistributedTrainer::part_of(const char* operation, int64_t slot) {
  for (Part& part : parts_) {
    if (slot >= part.first && slot < part.first + part.count) return part;
  }
  throw InvalidArgument("{}: expected a slot in [0, {}), got {}", operation, num_networks(), slot);
}

void DistributedTrainer::start(int64_t slot, const Trial& trial) {
  Part& part = part_of("start", slot);
  part.commands.push_back(start_json(slot - part.first, trial));
  running_[static_cast<size_t>(slot)] = 1;
}

void DistributedTrainer::stop(int64_t slot) {
  Part& part = part_of("stop", slot);
  part.commands.push_back(stop_json(slot - part.first));
  running_[static_cast<size_t>(slot)] = 0;
}

bool DistributedTrainer::has_running(const Part& part) const {
  return std::ranges::count(
             std::span(running_).subspan(static_cast<size_t>(part.first), static_cast<size_t>(part.count)), 1) > 0;
}

void DistributedTrainer::request(Part& part, Json message) {
  part.rank.channel->send(message);
  part.is_busy = true;
}

int64_t DistributedTrainer::take(const std::function<void(Part&, const Json&)>& use) {
  int64_t count = 0;
  for (Part& part : parts_) {
    if (!part.is_busy) continue;
    const std::optional<Json> answer = part.rank.channel->try_receive();
    if (!answer) continue;
    part.is_busy = false;
    throw_if_error(*answer, part.rank.name);
    use(part, *answer);
    ++count;
  }
  return count;
}

bool DistributedTrainer::is_any_busy() const {
  return std::ranges::any_of(parts_, &Part::is_busy);
}

std::vector<EpochResult> DistributedTrainer::run_epoch() {
  for (Part& part : parts_) {
    if (part.is_busy || !has_running(part)) continue;
    request(part, {{"do", "epoch"}, {"commands", std::exchange(part.commands, Json::array())}});
  }
  std::vector<EpochResult> results(running_.size());
  const auto use = [&](const Part& part, const Json& answer) {
    parse_results(answer, std::span(results).subspan(static_cast<size_t>(part.first), static_cast<size_t>(part.count)));
  };
  wait_until(
      [&] {
        const bool has_some = take(use) > 0;
        return !is_any_busy() || (has_some && !sharing_.lockstep);
      },
      idle_);
  return results;
}

std::vector<Evaluation> DistributedTrainer::evaluate_test() {
  std::vector<Evaluation> tests(running_.size());
  for (Part& part : parts_) {
    request(part, {{"do", "test"}, {"commands", std::exchange(part.commands, Json::array())}});
  }
  const auto use = [&](const Part& part, const Json& answer) {
    parse_tests(answer, std::span(tests).subspan(static_cast<size_t>(part.first), static_cast<size_t>(part.count)));
  };
  wait_until([&] { return take(use), !is_any_busy(); }, idle_);
  return tests;
}

}  // namespace murmur
