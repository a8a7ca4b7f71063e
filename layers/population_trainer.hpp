#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "murmur/engine/memory.hpp"
#include "murmur/engine/profiling.hpp"
#include "murmur/engine/safetensors.hpp"
#include "murmur/engine/stream.hpp"
#include "murmur/engine/training_data.hpp"
#include "murmur/kernels/network_state.hpp"
#include "murmur/layers/convolution_choice.hpp"
#include "murmur/layers/model.hpp"
#include "murmur/layers/trainer.hpp"

namespace murmur {

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
  /// Networks that train at once, in memory for activations that the next ones use after them; results do not depend on
  /// it. 0: as many as the memory holds.
  int64_t wave = 0;
  bool deterministic = false;     // GPU only: the same bits in every run, without a choice by the clock
  OnTicks on_ticks{};             // none: an epoch is launched as a whole
  TrainerMaker* maker = nullptr;  // of make_trainer: what trains in other processes too; null: this one alone
  ProfileTicks profile{};         // GPU only
};

/// Trains a population of P networks of one architecture in lockstep, epoch by epoch, on one device.
class PopulationTrainer final : public Trainer {
 public:
  /// Throws: InvalidArgument, ShapeError, DeviceUnavailable, CudaError, std::bad_alloc.
  /// An OutOfGpuMemory, here and of an epoch, says how many networks fit.
  PopulationTrainer(const ModelSpecification& model, const TrainingData& data, const TrainerOptions& options);

  int64_t num_networks() const override { return options_.num_networks; }
  int64_t epoch_size() const override { return data_.training.count; }
  /// In how many parts, one after the other, the population trains.
  int64_t num_waves() const { return static_cast<int64_t>(waves_.size()); }
  const Model& model() const { return model_; }

  void start(int64_t slot, const Trial& trial) override;
  /// Copies nothing.
  void stop(int64_t slot) override;
  bool is_running(int64_t slot) const override { return trials_.at(static_cast<size_t>(slot)).has_value(); }
  std::vector<EpochResult> run_epoch() override;
  std::vector<Evaluation> evaluate_test() override;

  /// The value of a technique that a slot's next update has, its schedule included; of an empty slot, off.
  float in_force(Technique id, int64_t slot);

  /// Every running network goes on from these weights, stacked ones or the same for all; what its optimizer remembers
  /// stays. A slot that starts later has fresh ones. Throws: DataError, naming what does not fit.
  void load_weights(const SafeTensors& weights);

  /// Weights, running statistics, optimizer, counters and trials of all slots between two epochs: a trainer of the same
  /// model, data and options that restores them goes on as this one would, on a CPU with the same bits.
  SafeTensors checkpoint();
  /// What was in the slots is gone. `num_epochs`: that the trainings have from now on, for their schedules; 0: as the
  /// checkpoint says. Throws: DataError, naming what does not fit, expected and got.
  void restore(const SafeTensors& checkpoint, int64_t num_epochs = 0);

 private:
  /// Networks [first, first + count), which run together.
  struct Wave {
    int64_t first, count;
    Parameters parameters;  // theirs
  };
  /// Work that is captured, once for each wave: one tick of training or of an evaluation.
  struct Pass {
    SampleSource source;
    StepArgs args;  // of all networks
    bool training = false;
    std::shared_ptr<Arena> arena;
    std::vector<std::unique_ptr<Graph>> graphs;  // [wave]
    int64_t num_at_once = 4;  // ticks that are launched between two calls of on_ticks; follows their speed
  };

  /// The lists of what is scheduled, [P][kMaxScheduled], on the host and on the device.
  struct Schedules {
    PinnedArray<ScheduledTechnique> lists;
    Tensor memory;  // as bytes

    Schedules(Device device, int64_t num_networks)
        : lists(device, num_networks * kMaxScheduled),
          memory(Tensor::zeros({num_networks, kMaxScheduled * static_cast<int64_t>(sizeof(ScheduledTechnique))},
                               DType::kU8, device)) {}
    ScheduleTable table(float* values) const {
      return {reinterpret_cast<const ScheduledTechnique*>(memory.raw()), values, memory.size(0)};
    }
  };

  /// One arena serves all passes, except under the address sanitizer, where each tensor is a chunk of its own.
  static constexpr bool kSharedArena = Arena::kChunkBytes > 0;

  static Tensor make_state(int64_t num_networks, Device device);
  Pass make_pass(const Tensor& images, const Tensor& labels, SampleRange range, bool training) const;
  Step make_step(Pass& pass, const StepArgs& args);
  static StepArgs args_of(const StepArgs& all, const Wave& wave);
  void tick(Pass& pass, const Wave& wave, const StepArgs& args);
  void warm_up(Pass& pass, const Wave& wave);
  std::unique_ptr<Graph> capture(Pass& pass, const Wave& wave);
  void enter(Pass& pass, const Wave& wave);
  /// One tick after the other over all samples of a pass, wave after wave, which are some of `progress.num_all`. Waits
  /// only where somebody looks on.
  void run(Pass& pass, TickProgress progress);
  void run(Pass& pass, size_t wave, TickProgress& progress);
  void launch(Pass& pass, size_t wave, int64_t num_ticks);
  /// Of one wave.
  int64_t num_ticks(const Pass& pass) const;
  /// Queues an evaluation, and takes its results once it has been waited for.
  void evaluate(Pass& pass, TickProgress progress);
  std::vector<Evaluation> evaluated(const Pass& pass) const;
  std::vector<EpochResult> train_epoch();

  /// What only some settings need is made when the first of them starts.
  void provide_for(const Setting& setting);
  void check_slot(const char* operation, int64_t slot) const;
  bool needs_weight_copy(const Setting& setting) const;
  static bool needs_regions(const Setting& setting);
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
  void upload_schedules();
  std::vector<uint8_t> active(const Wave& wave) const;
  void make_waves();

  TrainerOptions options_;
  ModelSpecification specification_;
  std::string model_text_;
  int64_t free_bytes_;  // of a GPU, before anything of this trainer was there
  TrainingData data_;
  std::unique_ptr<Stream> stream_;
  ConvolutionChoices choices_;
  int64_t num_waves_;
  Model model_;
  Tensor state_;             // NetworkState [P], as bytes
  Tensor evaluation_state_;  // the same, for evaluations
  Tensor techniques_;        // f32 [technique, P]
  Tensor selected_;          // u8 [P]: the fresh networks
  Tensor everyone_;          // u8 [P]: ones
  std::vector<Wave> waves_;
  Pass training_, validation_, test_;
  std::pair<const Pass*, int64_t> entered_{};  // whose tensors the arena holds, of how many networks
  /// What state_ holds, on the host: written back before each pass and read after it, so that changes in between, as
  /// of many slots that stop, cost no copy.
  PinnedArray<NetworkState> states_;
  PinnedArray<NetworkState> evaluation_start_, evaluation_end_;
  PinnedArray<float> technique_values_;
  PinnedArray<uint8_t> selection_;      // what selected_ holds
  std::optional<Schedules> schedules_;  // none: no trial has asked for any
  std::vector<std::optional<Trial>> trials_;
  std::vector<uint8_t> fresh_;
  ProfileWindow profile_;
  bool has_regions_ = false;    // ticks run the kernels of what acts on regions of images
  bool copy_is_stale_ = false;  // every network's copy of its weights must be written
};

}  // namespace murmur
