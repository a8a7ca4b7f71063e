#include "murmur/layers/population_trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "murmur/engine/profiling.hpp"
#include "murmur/kernels/advance.hpp"
#include "murmur/layers/memory_need.hpp"
#include "murmur/layers/schedule.hpp"

namespace murmur {
namespace {

// Between two calls of on_ticks: often enough for whoever looks, and nothing beside the work.
constexpr double kSecondsAtOnce = 0.25;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor make_state(int64_t num_networks, Device device) {
  return Tensor::zeros({num_networks, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8, device);
}

// One arena serves all passes, except under the address sanitizer, where each tensor is a chunk of its own.
constexpr bool kSharedArena = Arena::kChunkBytes > 0;

/// True where a tick runs by itself before it is captured: where libraries load kernels, ask heuristics, allocate and
/// time plans when something is first asked for, and in the emulation, which tests that it changes nothing.
bool needs_warm_up(Device device) {
  return device.is_cuda() || kEmulatedGpu;
}

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

PopulationTrainer::PopulationTrainer(const ModelSpecification& model, const TrainingData& data,
                                     const TrainerOptions& options) try
    : options_(checked(options)),
      specification_(model),
      model_text_(model.text),
      free_bytes_(options.device.is_cuda() ? free_bytes(options.device) : 0),
      data_(data),
      stream_(make_stream(options.device, options.num_threads)),
      choices_(*stream_),
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
  // Both evaluations ask for the same tensors in the same order, and no pass runs beside another.
  test_.arena = validation_.arena;
  if (kSharedArena) test_.arena = validation_.arena = training_.arena;
  for (NetworkState& state : evaluation_start_) state.status = NetworkStatus::kRunning;
} catch (const OutOfGpuMemory& error) {
  // Nothing of this trainer is left by now.
  throw OutOfGpuMemory(
      "{}", out_of_memory_text(error, {model, data.size, data.num_classes, options}, free_bytes(options.device)));
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

PopulationTrainer::Pass PopulationTrainer::make_pass(const Tensor& images, const Tensor& labels, SampleRange range,
                                                     bool training) const {
  Pass pass;
  pass.source = {images, labels, range.first, data_.size};
  const Tensor& state = training ? state_ : evaluation_state_;
  pass.args.state = reinterpret_cast<NetworkState*>(state.raw());
  if (training) pass.args.techniques = {techniques_.data<float>(), options_.num_networks};
  pass.args.num_networks = options_.num_networks;
  pass.args.micro_batch = options_.micro_batch;
  pass.args.epoch_size = range.count;
  pass.args.definitions = options_.definitions;
  pass.args.fast_normals = options_.device.is_cuda() && !options_.deterministic;
  pass.training = training;
  pass.arena = std::make_shared<Arena>(options_.device);
  return pass;
}

Step PopulationTrainer::make_step(Pass& pass, const StepArgs& args) {
  return {*stream_, *pass.arena, args, options_.dtype, pass.training, options_.allow_tf32, &choices_};
}

void PopulationTrainer::tick(Pass& pass, const StepArgs& args) {
  pass.arena->reset();
  const Step step = make_step(pass, args);
  const Batch batch = input_batch(step, pass.source, model_.masks_input(step));
  const Variable loss = model_.loss(step, batch);
  if (pass.training) {
    backward(loss);
    model_.parameters().update(step);
  }
  advance(*stream_, step.args);
}

/// Runs a tick of networks that are at their epoch's end, all of them idle: no sample, no update, no change. Afterwards
/// all of its memory is there, and every library is ready for each of its calls.
void PopulationTrainer::warm_up(Pass& pass) {
  const Tensor state = make_state(options_.num_networks, options_.device);
  std::vector<NetworkState> at_end(trials_.size());
  for (NetworkState& network : at_end) network.position = pass.args.epoch_size;
  state.copy_from_host(at_end.data(), static_cast<int64_t>(at_end.size() * sizeof(NetworkState)));
  StepArgs args = pass.args;
  args.state = reinterpret_cast<NetworkState*>(state.raw());
  tick(pass, args);
  stream_->synchronize();
}

void PopulationTrainer::capture(Pass& pass) {
  if (needs_warm_up(options_.device)) warm_up(pass);
  Capture capture(*stream_);
  tick(pass, pass.args);
  pass.graph = capture.finish();
  if (choices_.has_open()) throw Error("capture: expected convolutions that have been timed, got open ones");
}

/// The arena's tensors of one pass are other ones than those of the next, which expects zeros in its padding.
void PopulationTrainer::enter(Pass& pass) {
  if (entered_ == &pass) return;
  if (kSharedArena && entered_ != nullptr) pass.arena->clear(*stream_);
  entered_ = &pass;
}

int64_t PopulationTrainer::num_ticks(const Pass& pass) const {
  return (pass.args.epoch_size + options_.micro_batch - 1) / options_.micro_batch;
}

void PopulationTrainer::launch(Pass& pass, int64_t num_ticks) {
  enter(pass);
  if (!options_.use_graph) {
    for (int64_t i = 0; i < num_ticks; ++i) tick(pass, pass.args);
  } else {
    if (pass.graph == nullptr) capture(pass);
    pass.graph->launch(num_ticks, active());
  }
}

void PopulationTrainer::run(Pass& pass, TickProgress progress) {
  if (!options_.on_ticks && !(pass.training && profile_.is_ahead())) return launch(pass, num_ticks(pass));
  using Clock = std::chrono::steady_clock;
  for (int64_t left = num_ticks(pass); left > 0;) {
    int64_t count = std::min(pass.num_at_once, left);
    if (pass.training) count = profile_.begin(count);
    const auto start = Clock::now();
    launch(pass, count);
    stream_->synchronize();
    if (pass.training) profile_.end(count);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (count == pass.num_at_once) {
      const double factor = std::clamp(kSecondsAtOnce / std::max(seconds, 1e-9), 0.5, 4.0);
      pass.num_at_once = std::max<int64_t>(1, std::llround(static_cast<double>(count) * factor));
    }
    left -= count;
    progress.num_done += count;
    if (options_.on_ticks) options_.on_ticks(progress);
  }
}

std::vector<uint8_t> PopulationTrainer::active() const {
  std::vector<uint8_t> result(trials_.size());
  std::ranges::transform(trials_, result.begin(), [](const auto& trial) { return trial.has_value() ? 1 : 0; });
  return result;
}

void PopulationTrainer::check_slot(const char* operation, int64_t slot) const {
  if (slot < 0 || slot >= options_.num_networks) {
    throw InvalidArgument("{}: expected a slot in [0, {}), got {}", operation, options_.num_networks, slot);
  }
}

void PopulationTrainer::start(int64_t slot, const Trial& trial) {
  check_slot("start", slot);
  if (trial.setting[Technique::kBatchSize] < static_cast<double>(options_.micro_batch)) {
    throw InvalidArgument("batch_size: expected at least the micro-batch of {} samples, got {}", options_.micro_batch,
                          trial.setting[Technique::kBatchSize]);
  }
  if (needs_weight_copy(trial.setting)) enable_copy();
  trials_[static_cast<size_t>(slot)] = trial;
  fresh_[static_cast<size_t>(slot)] = 1;
}

void PopulationTrainer::enable_copy() {
  if (model_.parameters().has_copy()) return;
  // The captured tick runs on the weights themselves: it is captured anew, for all networks.
  model_.parameters().enable_copy();
  training_.graph.reset();
  copy_is_stale_ = true;
}

bool PopulationTrainer::needs_weight_copy(const Setting& setting) const {
  return (options_.definitions.dropconnect_on == DropconnectOn::kWeights && setting[Technique::kDropconnect] > 0) ||
         setting[Technique::kTransientWeightNoise] > 0 || setting[Technique::kMultiplicativeWeightNoise] > 0;
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
  stream_->copy_from_host(techniques_.raw(), table.data(), table.num_bytes());
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
  const TickProgress ticks{0, num_ticks(training_) + num_ticks(validation_)};
  run(training_, ticks);
  stream_->copy_to_host(states_.data(), state_.raw(), states_.num_bytes());
  evaluate(validation_, {num_ticks(training_), ticks.num_all});
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

std::vector<Evaluation> PopulationTrainer::evaluate_test() {
  const ProfileRange range("test");
  return within_memory([&] {
    prepare();
    evaluate(test_, {0, num_ticks(test_)});
    stream_->synchronize();
    return evaluated(test_);
  });
}

}  // namespace murmur
