#include "bench/kernel_bed.hpp"

#include "bench/reference.hpp"

namespace murmur::bench {
namespace {

constexpr int64_t kNumImages = 48000;

}  // namespace

Networks::Networks(const Bed& bed, const std::vector<Value>& on) {
  const auto networks = static_cast<size_t>(bed.num_networks);
  std::vector<NetworkState> states(networks);
  for (size_t p = 0; p < networks; ++p) {
    states[p].seed = p + 1;
    states[p].status = NetworkStatus::kRunning;
  }
  state_ = Tensor::zeros({bed.num_networks, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8, bed.device);
  state_.copy_from_host(states.data(), static_cast<int64_t>(networks * sizeof(NetworkState)));
  Setting setting;
  setting.set(Technique::kBatchSize, static_cast<double>(bed.micro_batch));
  for (const Value& entry : on) setting.set(entry.technique, entry.value);
  std::vector<float> table;
  for (const TechniqueInfo& info : techniques()) {
    table.insert(table.end(), networks, static_cast<float>(setting[info.id]));
  }
  techniques_ = Tensor::from<float>(table, {kNumTechniques, bed.num_networks}, bed.device);
  step_.state = reinterpret_cast<NetworkState*>(state_.raw());
  step_.techniques = {techniques_.data<float>(), bed.num_networks};
  step_.num_networks = bed.num_networks;
  step_.micro_batch = bed.micro_batch;
  step_.epoch_size = kNumImages;
  step_.fast_normals = bed.device.is_cuda();  // as trainings are by default
}

Restored::Restored(const Tensor& source)
    : source_(source), tensor_(Tensor::zeros(source.shape(), source.dtype(), source.device())) {}

Restored::Restored(const Bed& bed, const Shape& shape, uint64_t seed, double scale)
    : Restored(random_tensor(shape, DType::kF32, bed.device, seed, scale)) {}

void Restored::restore(Bed& bed) const {
  copy(*bed.stream, {as_quads(source_.data<float>()), as_quads(tensor_.data<float>()), tensor_.num_elements() / 4});
}

}  // namespace murmur::bench
