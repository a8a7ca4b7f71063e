#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "murmur/distributed/channel.hpp"
#include "murmur/layers/population_trainer.hpp"

namespace murmur {

/// One that trains for rank 0, and what errors call it.
struct RankChannel {
  std::string name;  // "rank 2 on node7"
  std::shared_ptr<Channel> channel;
};

/// A trainer whose slots are shared out among ranks, as equal blocks of what belongs together. Each rank has one
/// message an epoch, with what starts and stops there, and answers with its networks' results. On a CPU these have the
/// same bits wherever a network trains, so that with `lockstep` the results do not depend on the number of ranks.
/// Without, run_epoch returns when some rank has ended its epoch, and that rank's next one begins with the next call:
/// no rank waits for another.
class DistributedTrainer final : public Trainer {
 public:
  /// `idle` is called while rank 0 waits. Throws: what a rank throws that makes its part of the trainer.
  DistributedTrainer(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options,
                     const TrainerSharing& sharing, const std::vector<RankChannel>& ranks, std::function<void()> idle);
  /// Ends what is in the middle of an epoch and waits for it, but while an exception is thrown.
  ~DistributedTrainer() override;
  DistributedTrainer(const DistributedTrainer&) = delete;
  DistributedTrainer& operator=(const DistributedTrainer&) = delete;

  int64_t num_networks() const override { return static_cast<int64_t>(running_.size()); }
  int64_t epoch_size() const override { return epoch_size_; }
  bool is_lockstep() const override { return sharing_.lockstep; }
  void start(int64_t slot, const Trial& trial) override;
  void stop(int64_t slot) override;
  bool is_running(int64_t slot) const override { return running_.at(static_cast<size_t>(slot)) != 0; }
  std::vector<EpochResult> run_epoch() override;
  std::vector<Evaluation> evaluate_test() override;

 private:
  /// A rank and its slots.
  struct Part {
    RankChannel rank;
    int64_t first, count;
    nlohmann::json commands = nlohmann::json::array();  // since its last epoch
    bool is_busy = false;                               // has a request without an answer
  };

  Part& part_of(const char* operation, int64_t slot);
  bool has_running(const Part& part) const;
  static void request(Part& part, nlohmann::json message);
  /// Takes the answers that are there; how many.
  int64_t take(const std::function<void(Part&, const nlohmann::json&)>& use);
  bool is_any_busy() const;

  TrainerSharing sharing_;
  int64_t epoch_size_;
  std::function<void()> idle_;
  std::vector<Part> parts_;
  std::vector<uint8_t> running_;  // of each slot
};

}  // namespace murmur
