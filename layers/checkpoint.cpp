// The trainer's part that saves and restores: weights under PyTorch's names, and beside them what else a training has.
#include <fmt/format.h>

#include <bit>

#include "murmur/layers/population_trainer.hpp"
#include "murmur/layers/weights.hpp"

namespace murmur {
namespace {

constexpr const char* kMoment1 = "optimizer.moment1";
constexpr const char* kMoment2 = "optimizer.moment2";
constexpr const char* kNumEpochs = "trial.num_epochs";
constexpr int64_t kMaxCount = int64_t{1} << 53;  // so that what is counted on never ends the range

/// The counters of a network that last from epoch to epoch. A seed is kept as the bits of an int64.
struct Counter {
  const char* name;
  int64_t (*get)(const NetworkState&);
  void (*set)(NetworkState&, int64_t);
};
constexpr std::array<Counter, 5> kCounters{{
    {"state.seed", [](const NetworkState& s) { return std::bit_cast<int64_t>(s.seed); },
     [](NetworkState& s, int64_t x) { s.seed = std::bit_cast<uint64_t>(x); }},
    {"state.epoch", [](const NetworkState& s) { return s.epoch; }, [](NetworkState& s, int64_t x) { s.epoch = x; }},
    {"state.item", [](const NetworkState& s) { return s.item; }, [](NetworkState& s, int64_t x) { s.item = x; }},
    {"state.update", [](const NetworkState& s) { return s.update; }, [](NetworkState& s, int64_t x) { s.update = x; }},
    {"state.status", [](const NetworkState& s) { return static_cast<int64_t>(s.status); },
     [](NetworkState& s, int64_t x) { s.status = static_cast<NetworkStatus>(x); }},
}};

std::string setting_name(const TechniqueInfo& info) {
  return fmt::format("trial.setting.{}", info.key);
}

/// Metadata: which technique of a network follows a schedule.
std::string schedule_name(size_t network, const TechniqueInfo& info) {
  return fmt::format("trial.{}.schedule.{}", network, info.key);
}

template <class T>
Tensor on_host(const std::vector<T>& values) {
  return Tensor::from<T>(values, {static_cast<int64_t>(values.size())}, kCpu);
}

void copy(const Tensor& source, const Tensor& target) {
  target.copy_from_host(source.raw(), source.num_elements() * size_bytes(source.dtype()));
}

std::vector<NetworkState> read_states(const SafeTensors& checkpoint, int64_t num_networks) {
  std::vector<NetworkState> states(static_cast<size_t>(num_networks));
  for (const Counter& counter : kCounters) {
    const auto values = checkpoint.get(counter.name, DType::kI64, {num_networks}).to_vector<int64_t>();
    for (size_t network = 0; network < states.size(); ++network) counter.set(states[network], values[network]);
  }
  for (const NetworkState& state : states) {
    const auto status = static_cast<int64_t>(state.status);
    const auto is_count = [](int64_t value) { return value >= 0 && value <= kMaxCount; };
    if (status < 0 || status > static_cast<int64_t>(NetworkStatus::kDiverged) || !is_count(state.epoch) ||
        !is_count(state.item) || !is_count(state.update)) {
      throw DataError("{}: expected states of networks, got status {}, epoch {}, item {}, update {}",
                      checkpoint.source.string(), status, state.epoch, state.item, state.update);
    }
  }
  return states;
}

/// The trials of the networks that are not idle.
std::vector<std::optional<Trial>> read_trials(const SafeTensors& checkpoint, const std::vector<NetworkState>& states) {
  const Shape shape{static_cast<int64_t>(states.size())};
  const auto num_epochs = checkpoint.get(kNumEpochs, DType::kI64, shape).to_vector<int64_t>();
  std::vector<std::optional<Trial>> trials(states.size());
  for (size_t network = 0; network < states.size(); ++network) {
    if (states[network].status == NetworkStatus::kIdle) continue;
    if (num_epochs[network] < 1 || num_epochs[network] > kMaxCount) {
      throw DataError("{}: expected {} of 1 to {}, got {}", checkpoint.source.string(), kNumEpochs, kMaxCount,
                      num_epochs[network]);
    }
    trials[network] = Trial{states[network].seed, {}, num_epochs[network]};
  }
  for (const TechniqueInfo& info : techniques()) {
    if (!checkpoint.tensors.contains(setting_name(info))) continue;  // it is younger than the checkpoint
    const auto values = checkpoint.get(setting_name(info), DType::kF64, shape).to_vector<double>();
    for (size_t network = 0; network < states.size(); ++network) {
      try {
        if (!trials[network]) continue;
        trials[network]->setting.set(info.id, values[network]);
        const auto schedule = checkpoint.metadata.find(schedule_name(network, info));
        if (schedule == checkpoint.metadata.end()) continue;
        trials[network]->setting.set_schedule(info.id, parse_noise_schedule(schedule->second));
      } catch (const InvalidArgument& error) {
        throw DataError("{}: {}", checkpoint.source.string(), error.what());
      }
    }
  }
  return trials;
}

}  // namespace

void PopulationTrainer::load_weights(const SafeTensors& weights) {
  prepare();
  import_weights(model_, weights);
  refresh_all_copies();
}

std::map<std::string, std::string> PopulationTrainer::identity() const {
  const Definitions& definitions = options_.definitions;
  const auto word = [](const auto& words, auto value) { return std::string(words.at(static_cast<size_t>(value))); };
  return {{"trainer.model", model_text_},
          {"trainer.image_size", fmt::format("{}x{}x{}", data_.size.height, data_.size.width, data_.size.channels)},
          {"trainer.num_classes", std::to_string(data_.num_classes)},
          {"trainer.training_samples", fmt::format("{} from {}", data_.training.count, data_.training.first)},
          {"trainer.micro_batch", std::to_string(options_.micro_batch)},
          {"trainer.dropconnect_on", word(kDropconnectOnNames, definitions.dropconnect_on)},
          {"trainer.contrast_per", word(kContrastPerNames, definitions.contrast_per)},
          {"trainer.shuffle_window", std::to_string(definitions.shuffle_window)},
          {"trainer.loss_reduction", word(kLossReductionNames, definitions.loss_reduction)}};
}

SafeTensors PopulationTrainer::checkpoint() {
  prepare();
  SafeTensors result = export_weights(model_);
  result.metadata = identity();
  result.tensors.emplace(kMoment1, model_.parameters().without_padding(model_.parameters().moment1()));
  result.tensors.emplace(kMoment2, model_.parameters().without_padding(model_.parameters().moment2()));
  for (const Counter& counter : kCounters) {
    std::vector<int64_t> values;
    for (const NetworkState& state : states_) values.push_back(counter.get(state));
    result.tensors.emplace(counter.name, on_host(values));
  }
  const auto each_trial = [&](auto value_of) {
    std::vector<decltype(value_of(Trial()))> values;
    for (const auto& trial : trials_) values.push_back(value_of(trial.value_or(Trial())));
    return on_host(values);
  };
  result.tensors.emplace(kNumEpochs, each_trial([](const Trial& trial) { return trial.num_epochs; }));
  for (const TechniqueInfo& info : techniques()) {
    const Technique id = info.id;
    for (size_t network = 0; network < trials_.size(); ++network) {
      if (!trials_[network] || trials_[network]->setting.schedule(id).is_constant()) continue;
      result.metadata[schedule_name(network, info)] = format_noise_schedule(trials_[network]->setting.schedule(id));
    }
    result.tensors.emplace(setting_name(info), each_trial([id](const Trial& trial) { return trial.setting[id]; }));
  }
  return result;
}

void PopulationTrainer::restore(const SafeTensors& checkpoint, int64_t num_epochs) {
  for (const auto& [key, expected] : identity()) {
    if (const std::string& got = checkpoint.text(key); got != expected) {
      throw DataError("{}: expected {} {}, got {}", checkpoint.source.string(), key, expected, got);
    }
  }
  const Parameters& parameters = model_.parameters();
  const Tensor& moment1 = checkpoint.get(kMoment1, parameters.moment1().dtype(), parameters.moment1().shape());
  const Tensor& moment2 = checkpoint.get(kMoment2, parameters.moment2().dtype(), parameters.moment2().shape());
  const std::vector<NetworkState> states = read_states(checkpoint, options_.num_networks);
  std::vector<std::optional<Trial>> trials = read_trials(checkpoint, states);
  import_weights(model_, checkpoint);
  copy(moment1, parameters.moment1());
  copy(moment2, parameters.moment2());
  std::ranges::copy(states, states_.begin());
  trials_ = std::move(trials);
  std::ranges::fill(fresh_, uint8_t{0});
  for (auto& trial : trials_) {
    if (!trial) continue;
    if (num_epochs > 0) trial->num_epochs = num_epochs;
    provide_for(trial->setting);
  }
  prepare();
  refresh_all_copies();
}

}  // namespace murmur
