#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "murmur/engine/memory.hpp"
#include "murmur/engine/profiling.hpp"
#include "murmur/engine/safetensors.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/engine/training_data.hpp"
#include "murmur/kernels/network_state.hpp"
#include "murmur/layers/convolution_choice.hpp"
#include "murmur/layers/model.hpp"

namespace murmur {

/// How many of an epoch's ticks are done, those of its validation among them; or of a test.
struct TickProgress {
  int64_t num_done, num_all;
};

/// Called a few times a second within an epoch, between its ticks; changes no result. What it throws ends the epoch in
/// its middle: the trainer is good for nothing then.
using OnTicks = std::function<void(const TickProgress&)>;

struct TrainerOptions {
  Device device;
  int64_t num_networks = 1;
  int64_t micro_batch = 128;
  DType dtype = DType::kF32;
  Initialization initialization = Initialization::kScale;
  Definitions definitions;  // what the techniques mean
  bool use_graph = true;    // false: launch every kernel by itself, for profilers
  bool allow_tf32 = false;  // GPU only
  int num_threads = 0;      // CPU only; 0: one per core
  OnTicks on_ticks{};       // none: an epoch is launched as a whole
  ProfileTicks profile{};   // GPU only
  /// GPU only: normals, and so noise, have the bits that they have on a CPU (else those of FastNormals).
  bool deterministic = false;
};

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

/// Trains a population of P networks of one architecture in lockstep, epoch by epoch. A slot holds one trial; a trial
/// that ends makes room for the next one while its neighbours go on.
class PopulationTrainer {
 public:
  /// Throws: InvalidArgument, ShapeError, DeviceUnavailable, CudaError, std::bad_alloc.
  /// An OutOfGpuMemory, here and of an epoch, says how many networks fit.
  PopulationTrainer(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options);

  int64_t num_networks() const { return options_.num_networks; }
  const Model& model() const { return model_; }

  /// Puts a trial into a slot with fresh parameters; what was there is gone.
  /// Throws: InvalidArgument when the slot is not there or the batch size is below the micro-batch.
  void start(int64_t slot, const Trial& trial);
  /// Empties a slot: its network is no longer trained. Copies nothing. Throws: InvalidArgument when the slot is not
  /// there.
  void stop(int64_t slot);
  bool is_running(int64_t slot) const { return trials_.at(static_cast<size_t>(slot)).has_value(); }

  /// Trains every running network for one epoch and evaluates it on the validation set; waits for the results.
  /// Result [P]: of an empty slot, epoch 0. A network that diverged is frozen and its result says so.
  std::vector<EpochResult> run_epoch();

  /// Every running network goes on from these weights, stacked ones or the same for all; what its optimizer remembers
  /// stays. A slot that starts later has fresh ones. Throws: DataError, naming what does not fit.
  void load_weights(const SafeTensors& weights);

  /// Weights, running statistics, optimizer, counters and trials of all slots between two epochs: a trainer of the same
  /// model, data and options that restores them goes on as this one would, on a CPU with the same bits.
  SafeTensors checkpoint();
  /// What was in the slots is gone. Throws: DataError, naming what does not fit, expected and got.
  void restore(const SafeTensors& checkpoint);

  /// Loss and accuracy of every running network on the test set. Result [P].
  std::vector<Evaluation> evaluate_test();

  /// Training samples of one epoch of one network.
  int64_t epoch_size() const { return data_.training.count; }

 private:
  /// A captured piece of work: one tick of training or of an evaluation.
  struct Pass {
    SampleSource source;
    StepArgs args;
    bool training = false;
    std::shared_ptr<Arena> arena;
    std::unique_ptr<Graph> graph;
    int64_t num_at_once = 4;  // ticks that are launched between two calls of on_ticks; follows their speed
  };

  Pass make_pass(const Tensor& images, const Tensor& labels, SampleRange range, bool training) const;
  Step make_step(Pass& pass, const StepArgs& args);
  void tick(Pass& pass, const StepArgs& args);
  void warm_up(Pass& pass);
  void capture(Pass& pass);
  void enter(Pass& pass);
  /// One tick after the other over all samples of a pass, which are some of `progress.num_all`. Waits only where
  /// somebody looks on.
  void run(Pass& pass, TickProgress progress);
  void launch(Pass& pass, int64_t num_ticks);
  int64_t num_ticks(const Pass& pass) const;
  /// Queues an evaluation, and takes its results once it has been waited for.
  void evaluate(Pass& pass, TickProgress progress);
  std::vector<Evaluation> evaluated(const Pass& pass) const;
  std::vector<EpochResult> train_epoch();

  void enable_copy();
  void check_slot(const char* operation, int64_t slot) const;
  bool needs_weight_copy(const Setting& setting) const;
  /// Brings the device up to what has been decided since the last pass: who runs, with which values, from where.
  void prepare();
  void initialize_fresh();
  /// Writes the weight copies of the selected networks, or of all where they are stale.
  void refresh_copies(const Tensor& selected);
  void refresh_all_copies();
  /// Runs the action; where memory ends, the error says how many networks fit.
  template <class Action>
  auto within_memory(const Action& action);
  /// What a checkpoint must agree with.
  std::map<std::string, std::string> identity() const;
  void upload_hyper_parameters();
  std::vector<uint8_t> active() const;

  TrainerOptions options_;
  ModelSpecification specification_;
  std::string model_text_;
  int64_t free_bytes_;  // of a GPU, before anything of this trainer was there
  TrainingData data_;
  std::unique_ptr<Stream> stream_;
  ConvolutionChoices choices_;
  Model model_;
  Tensor state_;             // NetworkState [P], as bytes
  Tensor evaluation_state_;  // the same, for evaluations
  Tensor techniques_;        // f32 [technique, P]
  Tensor selected_;          // u8 [P]: the fresh networks
  Tensor everyone_;          // u8 [P]: ones
  Pass training_, validation_, test_;
  const Pass* entered_ = nullptr;  // whose tensors the arena holds
  /// What state_ holds, on the host: written back before each pass and read after it, so that changes in between, as
  /// of many slots that stop, cost no copy.
  PinnedArray<NetworkState> states_;
  PinnedArray<NetworkState> evaluation_start_, evaluation_end_;
  PinnedArray<float> technique_values_;
  PinnedArray<uint8_t> selection_;  // what selected_ holds
  std::vector<std::optional<Trial>> trials_;
  std::vector<uint8_t> fresh_;
  ProfileWindow profile_;
  bool copy_is_stale_ = false;  // every network's copy of its weights must be written
};

}  // namespace murmur
