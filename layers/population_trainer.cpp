#include "murmur/layers/population_trainer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include "murmur/engine/profiling.hpp"
#include "murmur/layers/memory_need.hpp"
#include "murmur/layers/schedule.hpp"

namespace murmur {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Mean loss and accuracy of what a state has summed up.
Evaluation summary(const NetworkState& state) {
  if (state.num_samples == 0) return {kNaN, kNaN};
  const auto count = static_cast<double>(state.num_samples);
  return {state.loss_sum / count, static_cast<double>(state.num_hits) / count};
}

void clear_sums(NetworkState& state) {
  state.position = 0;
  state.batch_count = 0;
  state.loss_sum = 0;
  state.num_hits = 0;
  state.num_samples = 0;
}

const TrainerOptions& checked(const TrainerOptions& options) {
  if (options.num_networks < 1) {
    throw InvalidArgument("networks: expected at least 1, got {}", options.num_networks);
  }
  if (options.micro_batch < 4 || options.micro_batch % 4 != 0) {
    throw InvalidArgument("micro-batch: expected a positive multiple of 4, got {}", options.micro_batch);
  }
  return options;
}

}  // namespace

Tensor PopulationTrainer::make_state(int64_t num_networks, Device device) {
  return Tensor::zeros({num_networks, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8, device);
}

PopulationTrainer::PopulationTrainer(const ModelSpecification& model, const TrainingData& data,
                                     const TrainerOptions& options) try
    : options_(checked(options)),
      specification_(model),
      model_text_(model.text),
      free_bytes_(free_bytes(options.device)),
      data_(data),
      stream_(make_stream(options.device, options.num_threads)),
      choices_(*stream_, options.deterministic ? ConvolutionPolicy::kDeterministic : ConvolutionPolicy::kFastest),
      num_waves_(plan_waves({model, data.size, data.num_classes, options}, free_bytes_).num_waves),
      model_(model, data.size, data.num_classes, options.device, options.dtype, options.num_networks),
      state_(make_state(options.num_networks, options.device)),
      evaluation_state_(make_state(options.num_networks, options.device)),
      techniques_(Tensor::zeros({kNumTechniques, options.num_networks}, DType::kF32, options.device)),
      selected_(Tensor::zeros({options.num_networks}, DType::kU8, options.device)),
      everyone_(Tensor::from<uint8_t>(std::vector<uint8_t>(static_cast<size_t>(options.num_networks), 1),
                                      {options.num_networks}, options.device)),
      training_(make_pass(data.train_images, data.train_labels, data.training, true)),
      validation_(make_pass(data.train_images, data.train_labels, data.validation, false)),
      test_(make_pass(data.test_images, data.test_labels, {0, data.test_images.size(0)}, false)),
      states_(options.device, options.num_networks),
      evaluation_start_(options.device, options.num_networks),
      evaluation_end_(options.device, options.num_networks),
      technique_values_(options.device, kNumTechniques * options.num_networks),
      selection_(options.device, options.num_networks),
      trials_(static_cast<size_t>(options.num_networks)),
      fresh_(static_cast<size_t>(options.num_networks), 0),
      profile_(options.profile, options.device) {
  if (data.training.count < 1) throw InvalidArgument("training set: expected at least 1 sample, got none");
  make_waves();
  // No pass runs beside another.
  test_.arena = validation_.arena;
  if (kSharedArena) test_.arena = validation_.arena = training_.arena;
  for (NetworkState& state : evaluation_start_) state.status = NetworkStatus::kRunning;
} catch (const PopulationTooLarge&) {
  throw;
} catch (const OutOfGpuMemory& error) {
  // Nothing of this trainer is left by now.
  throw OutOfGpuMemory(
      "{}", out_of_memory_text(error, {model, data.size, data.num_classes, options}, free_bytes(options.device)));
}

std::unique_ptr<Trainer> make_trainer(const ModelSpecification& model, const TrainingData& data,
                                      const TrainerOptions& options, const TrainerSharing& sharing) {
  if (options.maker != nullptr) return options.maker->make(model, data, options, sharing);
  return std::make_unique<PopulationTrainer>(model, data, options);
}

template <class Action>
auto PopulationTrainer::within_memory(const Action& action) {
  try {
    return action();
  } catch (const OutOfGpuMemory& error) {
    throw OutOfGpuMemory(
        "{}", out_of_memory_text(error, {specification_, data_.size, data_.num_classes, options_}, free_bytes_));
  }
}

void PopulationTrainer::check_slot(const char* operation, int64_t slot) const {
  if (slot < 0 || slot >= options_.num_networks) {
    throw InvalidArgument("{}: expected a slot in [0, {}), got {}", operation, options_.num_networks, slot);
  }
}

void PopulationTrainer::start(int64_t slot, const Trial& trial) {
  check_slot("start", slot);
  if (trial.setting[Technique::kBatchSize] < static_cast<double>(options_.micro_batch)) {
    throw InvalidArgument("batch_size: expected at least the micro-batch of {} samples, got {} (see --micro-batch)",
                          options_.micro_batch, trial.setting[Technique::kBatchSize]);
  }
  provide_for(trial.setting);
  trials_[static_cast<size_t>(slot)] = trial;
  fresh_[static_cast<size_t>(slot)] = 1;
}

void PopulationTrainer::provide_for(const Setting& setting) {
  Parameters& parameters = model_.parameters();
  const bool copies = needs_weight_copy(setting) && !parameters.has_copy();
  const bool clips = setting[Technique::kGradientClip] > 0 && !parameters.has_clipping();
  const bool schedules = !schedules_ && std::ranges::any_of(techniques(), [&](const TechniqueInfo& info) {
    return !setting.schedule(info.id).is_constant();
  });
  const bool regions = needs_regions(setting) && !has_regions_;
  if (!copies && !clips && !schedules && !regions) return;
  has_regions_ = has_regions_ || regions;
  if (copies) parameters.enable_copy();
  if (clips) parameters.enable_clipping();
  if (schedules) {
    schedules_.emplace(options_.device, options_.num_networks);
    training_.args.schedules = schedules_->table(techniques_.data<float>());
  }
  copy_is_stale_ = copy_is_stale_ || copies;
  // The captured tick does without: it is captured anew, for all networks.
  make_waves();
  training_.graphs.clear();
}

bool PopulationTrainer::needs_weight_copy(const Setting& setting) const {
  return (options_.definitions.dropconnect_on == DropconnectOn::kWeights && setting[Technique::kDropconnect] > 0) ||
         setting[Technique::kTransientWeightNoise] > 0 || setting[Technique::kMultiplicativeWeightNoise] > 0;
}

bool PopulationTrainer::needs_regions(const Setting& setting) {
  using enum Technique;
  return std::ranges::any_of(
      std::array{kRandomCrop, kCutout, kRandomErasing, kMixup, kCutmix, kGaussianDropout, kSpatialDropout, kDropblock},
      [&](Technique id) { return setting[id] > 0; });
}

void PopulationTrainer::stop(int64_t slot) {
  check_slot("stop", slot);
  trials_[static_cast<size_t>(slot)].reset();
  fresh_[static_cast<size_t>(slot)] = 0;
  states_[static_cast<size_t>(slot)].status = NetworkStatus::kIdle;
}

void PopulationTrainer::upload_hyper_parameters() {
  const PinnedArray<float>& table = technique_values_;
  for (size_t network = 0; network < trials_.size(); ++network) {
    const Trial idle;
    const Trial& trial = trials_[network] ? *trials_[network] : idle;
    const EpochValues scheduled =
        scheduled_values(trial.setting, states_[network].epoch, trial.num_epochs, options_.definitions.loss_reduction);
    for (const TechniqueInfo& info : techniques()) {
      double value = trial.setting[info.id];
      if (info.id == Technique::kLearningRate) value = scheduled.learning_rate;
      if (info.id == Technique::kBatchSize) {
        value = rounded_batch_size(scheduled.batch_size, options_.micro_batch);
      }
      table[static_cast<size_t>(info.id) * trials_.size() + network] = static_cast<float>(value);
    }
  }
  if (schedules_) upload_schedules();
  stream_->copy_from_host(techniques_.raw(), table.data(), table.num_bytes());
}

/// The lists for the device, and in the table what holds until the first update of this epoch has been made.
void PopulationTrainer::upload_schedules() {
  const PinnedArray<float>& table = technique_values_;
  const ScheduleTable schedules{schedules_->lists.data(), technique_values_.data(), options_.num_networks};
  for (size_t network = 0; network < trials_.size(); ++network) {
    ScheduledTechnique* list = schedules_->lists.data() + network * kMaxScheduled;
    std::fill_n(list, kMaxScheduled, ScheduledTechnique{});
    if (!trials_[network]) continue;
    const Trial& trial = *trials_[network];
    const float per_item = 1.0F / static_cast<float>(trial.num_epochs * epoch_size());
    for (const TechniqueInfo& info : techniques()) {
      const NoiseSchedule& schedule = trial.setting.schedule(info.id);
      if (schedule.is_constant()) continue;
      const float value = table[static_cast<size_t>(info.id) * trials_.size() + network];
      *list++ = {static_cast<int32_t>(info.id), value, per_item, schedule};
    }
    schedules.enforce(static_cast<int64_t>(network), states_[network].item, states_[network].update);
  }
  stream_->copy_from_host(schedules_->memory.raw(), schedules_->lists.data(), schedules_->lists.num_bytes());
}

void PopulationTrainer::prepare() {
  for (size_t network = 0; network < states_.size(); ++network) {
    if (fresh_[network] != 0) {
      states_[network] = {};
      states_[network].seed = trials_[network]->seed;
      states_[network].status = NetworkStatus::kRunning;
    }
    clear_sums(states_[network]);
  }
  stream_->copy_from_host(state_.raw(), states_.data(), states_.num_bytes());
  upload_hyper_parameters();
  initialize_fresh();
}

void PopulationTrainer::initialize_fresh() {
  if (std::ranges::none_of(fresh_, [](uint8_t fresh) { return fresh != 0; })) return;
  std::ranges::copy(fresh_, selection_.begin());
  std::ranges::fill(fresh_, uint8_t{0});
  stream_->copy_from_host(selected_.raw(), selection_.data(), selection_.num_bytes());
  model_.parameters().initialize(make_step(training_, training_.args), options_.initialization, selected_);
  refresh_copies(selected_);
}

void PopulationTrainer::refresh_copies(const Tensor& selected) {
  if (!model_.parameters().has_copy()) return;
  model_.parameters().refresh_copy(make_step(training_, training_.args), copy_is_stale_ ? everyone_ : selected);
  copy_is_stale_ = false;
}

void PopulationTrainer::refresh_all_copies() {
  refresh_copies(everyone_);
  stream_->synchronize();
}

std::vector<EpochResult> PopulationTrainer::run_epoch() {
  return within_memory([&] { return train_epoch(); });
}

/// Queues all of an epoch, from the states that go to the device to those that come back, and waits once.
std::vector<EpochResult> PopulationTrainer::train_epoch() {
  const ProfileRange range("epoch");
  prepare();
  const int64_t num_training = num_waves_ * num_ticks(training_);
  const TickProgress ticks{0, num_training + num_waves_ * num_ticks(validation_)};
  run(training_, ticks);
  stream_->copy_to_host(states_.data(), state_.raw(), states_.num_bytes());
  evaluate(validation_, {num_training, ticks.num_all});
  stream_->synchronize();
  const std::vector<Evaluation> validation = evaluated(validation_);
  std::vector<EpochResult> results(states_.size());
  for (size_t network = 0; network < states_.size(); ++network) {
    NetworkState& state = states_[network];
    if (!trials_[network]) continue;
    ++state.epoch;
    // An epoch's last update may be the one that breaks the network: only the validation sees that.
    const bool broken = validation_.args.epoch_size > 0 && !std::isfinite(validation[network].loss);
    if (broken) state.status = NetworkStatus::kDiverged;
    const Evaluation training = summary(state);
    results[network] = {state.epoch,
                        training.loss,
                        training.accuracy,
                        validation[network].loss,
                        validation[network].accuracy,
                        state.status == NetworkStatus::kDiverged};
  }
  return results;
}

void PopulationTrainer::evaluate(Pass& pass, TickProgress progress) {
  if (pass.args.epoch_size == 0) return;
  stream_->copy_from_host(evaluation_state_.raw(), evaluation_start_.data(), evaluation_start_.num_bytes());
  run(pass, progress);
  stream_->copy_to_host(evaluation_end_.data(), evaluation_state_.raw(), evaluation_end_.num_bytes());
}

std::vector<Evaluation> PopulationTrainer::evaluated(const Pass& pass) const {
  std::vector<Evaluation> results(trials_.size(), {kNaN, kNaN});
  if (pass.args.epoch_size == 0) return results;
  for (size_t network = 0; network < results.size(); ++network) {
    if (trials_[network]) results[network] = summary(evaluation_end_[network]);
  }
  return results;
}

float PopulationTrainer::in_force(Technique id, int64_t slot) {
  check_slot("in_force", slot);
  prepare();
  stream_->synchronize();  // what prepare() copies from may be written again
  return technique_values_[static_cast<size_t>(id) * trials_.size() + static_cast<size_t>(slot)];
}

std::vector<Evaluation> PopulationTrainer::evaluate_test() {
  const ProfileRange range("test");
  return within_memory([&] {
    prepare();
    evaluate(test_, {0, num_waves_ * num_ticks(test_)});
    stream_->synchronize();
    return evaluated(test_);
  });
}

}  // namespace murmur
