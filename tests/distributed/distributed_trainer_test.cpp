#include "murmur/distributed/distributed_trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "murmur/distributed/messages.hpp"
#include "murmur/distributed/trainer_server.hpp"
#include "murmur/layers/specification.hpp"
#include "tests/search/tiny_data.hpp"

namespace murmur {
namespace {

using Json = nlohmann::json;

constexpr const char* kModel = "flatten linear8 linear";

TrainerOptions options_for(int64_t num_networks) {
  TrainerOptions options;
  options.num_networks = num_networks;
  options.micro_batch = 16;
  options.num_threads = 1;
  return options;
}

Trial trial() {
  Trial result{1, {}, 3};
  result.setting.set(Technique::kBatchSize, 16);
  return result;
}

/// A rank of one network that answers an epoch when it is told to.
class HeldRank final : public Channel {
 public:
  void send(const Json& message) override {
    if (message.at("do") == "epoch") {
      ++num_requests;
      held_.push_back({{"results", {{0, num_requests, 0.5, 0.5, 0.5, 0.5, false}}}});
      if (!is_holding) release();
    } else if (message.at("do") == "drop") {
      release();
      answers_.push_back(Json::object());
    } else {
      answers_.push_back(Json::object());
    }
  }
  std::optional<Json> try_receive() override {
    if (answers_.empty()) return std::nullopt;
    const Json first = answers_.front();
    answers_.pop_front();
    return first;
  }
  void release() {
    for (const Json& answer : held_) answers_.push_back(answer);
    held_.clear();
  }

  bool is_holding = false;
  int64_t num_requests = 0;

 private:
  std::deque<Json> answers_, held_;
};

TEST(DistributedTrainer, WithoutLockstepNoRankWaitsForAnother) {
  const auto fast = std::make_shared<HeldRank>(), slow = std::make_shared<HeldRank>();
  slow->is_holding = true;
  DistributedTrainer trainer(parse_model(kModel), tiny_data(), options_for(2), {}, {{"fast", fast}, {"slow", slow}},
                             {});
  trainer.start(0, trial());
  trainer.start(1, trial());
  for (int64_t epoch = 1; epoch <= 5; ++epoch) {
    const std::vector<EpochResult> results = trainer.run_epoch();
    EXPECT_EQ(results[0].epoch, epoch);
    EXPECT_EQ(results[1].epoch, 0);
  }
  EXPECT_EQ(slow->num_requests, 1) << "it has an epoch to do";
  slow->release();
  EXPECT_EQ(trainer.run_epoch()[1].epoch, 1);
}

TEST(DistributedTrainer, InLockstepAllWait) {
  const auto fast = std::make_shared<HeldRank>(), slow = std::make_shared<HeldRank>();
  slow->is_holding = true;
  int num_looks = 0;
  // By when rank 0 has waited a while.
  const auto idle = [&] {
    if (++num_looks == 5) slow->release();
  };
  DistributedTrainer trainer(parse_model(kModel), tiny_data(), options_for(2), {.lockstep = true},
                             {{"fast", fast}, {"slow", slow}}, idle);
  trainer.start(0, trial());
  trainer.start(1, trial());
  const std::vector<EpochResult> results = trainer.run_epoch();
  EXPECT_EQ(results[0].epoch, 1);
  EXPECT_EQ(results[1].epoch, 1);
  EXPECT_EQ(num_looks, 5);
}

class TinyData final : public ServedData {
 public:
  Json load(const Json& request) override { return request; }
  TrainingData on(Device) override { return tiny_data(); }
};

// All requests are there before the server looks: the drop comes within the epoch.
TEST(TrainerServer, AnEpochThatIsNotWantedEndsInItsMiddle) {
  auto [here, there] = make_local_channel();
  here->send({{"do", "make"}, {"trainer", trainer_json(parse_model(kModel), tiny_data(), options_for(1), 1)}});
  here->send({{"do", "epoch"}, {"commands", {start_json(0, trial())}}});
  here->send({{"do", "drop"}});
  here->send({{"do", "test"}, {"commands", Json::array()}});
  here->send({{"do", "end"}});
  TinyData data;
  int64_t num_ticks = 0;
  serve_trainer(*there, data, {}, [&](const TickProgress& ticks) { num_ticks = ticks.num_done; });
  EXPECT_EQ(here->try_receive(), Json::object());
  EXPECT_THAT(here->try_receive()->at("text"), testing::Eq("rank 0 wants this epoch no more"));
  EXPECT_LT(num_ticks, 40) << "of 45";
  EXPECT_EQ(here->try_receive(), Json::object());
  EXPECT_TRUE(here->try_receive()->contains("error")) << "there is no trainer any more";
  EXPECT_FALSE(here->try_receive());
}

}  // namespace
}  // namespace murmur
