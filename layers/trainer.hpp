#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "murmur/engine/training_data.hpp"
#include "murmur/layers/specification.hpp"
#include "murmur/techniques/techniques.hpp"

namespace murmur {

struct TrainerOptions;

/// How many of an epoch's ticks are done, those of its validation among them; or of a test.
struct TickProgress {
  int64_t num_done, num_all;
};

/// Called a few times a second within an epoch, between its ticks; changes no result. What it throws ends the epoch in
/// its middle: the trainer is good for nothing then.
using OnTicks = std::function<void(const TickProgress&)>;

/// One setting of all hyper-parameters, with its seed. `num_epochs` is what the schedules refer to.
struct Trial {
  uint64_t seed = 0;
  Setting setting;
  int64_t num_epochs = 1;
};

/// What an epoch left of one network. Accuracies in [0, 1]; NaN where there was nothing to measure.
struct EpochResult {
  int64_t epoch = 0;  // epochs finished
  double train_loss = 0;
  double train_accuracy = 0;
  double validation_loss = 0;
  double validation_accuracy = 0;
  bool diverged = false;
};

struct Evaluation {
  double loss = 0;
  double accuracy = 0;
};

/// What trains the networks of P slots, epoch by epoch: in this process (PopulationTrainer) or in several
/// (distributed/distributed_trainer.hpp). A slot holds one trial; a trial that ends makes room for the next one while
/// its neighbours go on. A trial's result does not depend on its slot, nor on what its neighbours are.
class Trainer {
 public:
  virtual ~Trainer() = default;

  virtual int64_t num_networks() const = 0;
  /// Training samples of one epoch of one network.
  virtual int64_t epoch_size() const = 0;
  /// Whether each call of run_epoch trains all running networks. Where not, how often which networks come back depends
  /// on how fast they are.
  virtual bool is_lockstep() const { return true; }

  /// Puts a trial into a slot with fresh parameters; what was there is gone.
  /// Throws: InvalidArgument when the slot is not there or the batch size is below the micro-batch.
  virtual void start(int64_t slot, const Trial& trial) = 0;
  /// Empties a slot: its network is no longer trained. Throws: InvalidArgument when the slot is not there.
  virtual void stop(int64_t slot) = 0;
  virtual bool is_running(int64_t slot) const = 0;

  /// Trains every running network for one epoch and evaluates it on the validation set; waits for the results. Where
  /// this is no lockstep: waits until some networks have ended an epoch. Result [P]: of an empty slot, and of a network
  /// that has not ended one, epoch 0. A network that diverged is frozen and its result says so.
  virtual std::vector<EpochResult> run_epoch() = 0;

  /// Loss and accuracy of every running network on the test set; none of them is within an epoch. Result [P].
  virtual std::vector<Evaluation> evaluate_test() = 0;
};

/// How networks are shared out where there are several processes.
struct TrainerSharing {
  int64_t together = 1;   // networks that belong together, as repeats of a trial do: the first so many, the next, ...
  bool lockstep = false;  // each call of run_epoch waits for all
};

/// Makes trainers that are more than this process (distributed/ranks.hpp).
class TrainerMaker {
 public:
  virtual ~TrainerMaker() = default;
  virtual std::unique_ptr<Trainer> make(const ModelSpecification& model, const TrainingData& data,
                                        const TrainerOptions& options, const TrainerSharing& sharing) = 0;
};

/// A PopulationTrainer, or what `options.maker` makes. Throws: as PopulationTrainer.
std::unique_ptr<Trainer> make_trainer(const ModelSpecification& model, const TrainingData& data,
                                      const TrainerOptions& options, const TrainerSharing& sharing = {});

}  // namespace murmur
