#pragma once

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "murmur/distributed/distributed_trainer.hpp"
#include "murmur/distributed/trainer_server.hpp"

namespace murmur {

/// Rank 0's view of all ranks: itself, a thread that trains here, and the others. Makes trainers that train on all of
/// them, one at a time. Used by one thread.
class Ranks final : public TrainerMaker {
 public:
  /// `num_local` threads of this process train: one, but in tests. `place` is what each has of this machine.
  explicit Ranks(std::vector<RankChannel> others, const ServerPlace& place = {}, int num_local = 1);
  /// Tells all that it is the end.
  ~Ranks() override;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int size() const { return static_cast<int>(channels_.size()); }

  /// Has the other ranks load images while rank 0 does.
  void begin_load(const nlohmann::json& request);
  /// Waits for them. Throws: what loading throws there; DataError where one answers something else than `expected`.
  void end_load(const nlohmann::json& expected);

  /// `data` is rank 0's; the others have loaded the same images.
  std::unique_ptr<Trainer> make(const ModelSpecification& model, const TrainingData& data,
                                const TrainerOptions& options, const TrainerSharing& sharing) override;

 private:
  /// One of this process's threads; its images are those that the last trainer was made with.
  struct Local final : ServedData {
    explicit Local(const Ranks& owner) : ranks(&owner) {}
    nlohmann::json load(const nlohmann::json& request) override { return request; }
    TrainingData on(Device device) override;

    const Ranks* ranks;
    std::unique_ptr<Channel> channel;
    std::atomic<int64_t> num_done{0}, num_all{0};  // ticks of its epoch
    std::thread thread;
  };

  std::vector<RankChannel> channels_;  // local ones first
  size_t num_local_;
  std::vector<std::unique_ptr<Local>> locals_;
  std::optional<TrainingData> data_;  // written while no local thread makes a trainer
};

}  // namespace murmur
