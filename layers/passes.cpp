// The trainer's part that runs: passes over samples, wave after wave, tick after tick, captured or not.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "murmur/kernels/advance.hpp"
#include "murmur/layers/population_trainer.hpp"

namespace murmur {
namespace {

// Between two calls of on_ticks: often enough for whoever looks, and nothing beside the work.
constexpr double kSecondsAtOnce = 0.25;

/// True where a tick runs by itself before it is captured: where libraries load kernels, ask heuristics, allocate and
/// time plans when something is first asked for, and in the emulation, which tests that it changes nothing.
bool needs_warm_up(Device device) {
  return device.is_cuda() || emulates_gpu();
}

}  // namespace

PopulationTrainer::Pass PopulationTrainer::make_pass(const Tensor& images, const Tensor& labels, SampleRange range,
                                                     bool training) const {
  Pass pass;
  pass.source = {images, labels, range.first, data_.size, data_.num_classes};
  const Tensor& state = training ? state_ : evaluation_state_;
  pass.args.state = reinterpret_cast<NetworkState*>(state.raw());
  const TechniqueTable table{techniques_.data<float>(), options_.num_networks};
  if (training) {
    pass.args.techniques = table;
  } else {
    pass.args.rrelu = table.row(Technique::kRrelu);
  }
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
  return {*stream_, *pass.arena, args, options_.dtype, pass.training, options_.allow_tf32, &choices_, has_regions_};
}

/// Waves of one size, or one less, so that what is measured for one holds for all.
void PopulationTrainer::make_waves() {
  waves_.clear();
  for (int64_t wave = 0; wave < num_waves_; ++wave) {
    const auto begin = [&](int64_t i) { return (i * options_.num_networks + num_waves_ - 1) / num_waves_; };
    const int64_t first = begin(wave);
    const int64_t count = begin(wave + 1) - first;
    waves_.push_back({first, count, model_.parameters().networks(first, count)});
  }
}

StepArgs PopulationTrainer::args_of(const StepArgs& all, const Wave& wave) {
  StepArgs args = all;
  args.state += wave.first;
  args.num_networks = wave.count;
  if (args.techniques.values != nullptr) args.techniques.values += wave.first;  // rows stay those of all networks
  if (args.rrelu != nullptr) args.rrelu += wave.first;
  if (args.schedules.lists != nullptr) {
    args.schedules.lists += wave.first * kMaxScheduled;
    args.schedules.values += wave.first;
  }
  return args;
}

/// `args`: of the wave.
void PopulationTrainer::tick(Pass& pass, const Wave& wave, const StepArgs& args) {
  pass.arena->reset();
  const Step step = make_step(pass, args);
  const Batch batch = input_batch(step, pass.source, model_.masks_input(step));
  const Variable loss = model_.loss(step, wave.parameters, batch);
  if (pass.training) {
    backward(loss);
    wave.parameters.update(step);
  }
  advance(*stream_, step.args);
}

/// Runs a tick of networks that are at their epoch's end, all of them idle: no sample, no update, no change. Afterwards
/// all of its memory is there, and every library is ready for each of its calls.
void PopulationTrainer::warm_up(Pass& pass, const Wave& wave) {
  const Tensor state = make_state(wave.count, options_.device);
  std::vector<NetworkState> at_end(static_cast<size_t>(wave.count));
  for (NetworkState& network : at_end) network.position = pass.args.epoch_size;
  state.copy_from_host(at_end.data(), static_cast<int64_t>(at_end.size() * sizeof(NetworkState)));
  StepArgs args = args_of(pass.args, wave);
  args.state = reinterpret_cast<NetworkState*>(state.raw());
  tick(pass, wave, args);
  stream_->synchronize();
}

std::unique_ptr<Graph> PopulationTrainer::capture(Pass& pass, const Wave& wave) {
  if (needs_warm_up(options_.device)) warm_up(pass, wave);
  Capture capture(*stream_);
  tick(pass, wave, args_of(pass.args, wave));
  std::unique_ptr<Graph> graph = capture.finish();
  if (choices_.has_open()) throw Error("capture: expected convolutions that have been timed, got open ones");
  return graph;
}

/// The arena's tensors of one pass, or of so many networks, are other ones than those of the next, which expects zeros
/// in its padding.
void PopulationTrainer::enter(Pass& pass, const Wave& wave) {
  const std::pair<const Pass*, int64_t> entering{&pass, wave.count};
  if (entered_ == entering) return;
  if (entered_.first != nullptr) pass.arena->clear(*stream_);
  entered_ = entering;
}

int64_t PopulationTrainer::num_ticks(const Pass& pass) const {
  return (pass.args.epoch_size + options_.micro_batch - 1) / options_.micro_batch;
}

void PopulationTrainer::launch(Pass& pass, size_t wave, int64_t num_ticks) {
  const Wave& networks = waves_[wave];
  enter(pass, networks);
  if (!options_.use_graph) {
    for (int64_t i = 0; i < num_ticks; ++i) tick(pass, networks, args_of(pass.args, networks));
  } else {
    pass.graphs.resize(waves_.size());
    if (pass.graphs[wave] == nullptr) pass.graphs[wave] = capture(pass, networks);
    pass.graphs[wave]->launch(num_ticks, active(networks));
  }
}

void PopulationTrainer::run(Pass& pass, TickProgress progress) {
  for (size_t wave = 0; wave < waves_.size(); ++wave) run(pass, wave, progress);
}

void PopulationTrainer::run(Pass& pass, size_t wave, TickProgress& progress) {
  const bool is_watched = options_.on_ticks || (pass.training && profile_.is_ahead());
  // A wave of empty slots, as at a search's end, costs nothing.
  const bool is_idle = std::ranges::all_of(active(waves_[wave]), [](uint8_t active) { return active == 0; });
  if (is_idle) {
    progress.num_done += num_ticks(pass);
    if (options_.on_ticks) options_.on_ticks(progress);
    return;
  }
  if (!is_watched) return launch(pass, wave, num_ticks(pass));
  using Clock = std::chrono::steady_clock;
  for (int64_t left = num_ticks(pass); left > 0;) {
    int64_t count = std::min(pass.num_at_once, left);
    if (pass.training) count = profile_.begin(count);
    const auto start = Clock::now();
    launch(pass, wave, count);
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

/// [networks of the wave]
std::vector<uint8_t> PopulationTrainer::active(const Wave& wave) const {
  std::vector<uint8_t> result(static_cast<size_t>(wave.count));
  std::transform(trials_.begin() + wave.first, trials_.begin() + wave.first + wave.count, result.begin(),
                 [](const auto& trial) { return trial.has_value() ? 1 : 0; });
  return result;
}

}  // namespace murmur
