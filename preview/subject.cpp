#include "murmur/preview/subject.hpp"

#include <vector>

namespace murmur {

namespace {

const TrainerOptions& checked(const TrainerOptions& options) {
  check_micro_batch(options.micro_batch);
  return options;
}

}  // namespace

void check_micro_batch(int64_t micro_batch) {
  if (micro_batch >= 4 && micro_batch % 4 == 0) return;
  throw InvalidArgument("micro-batch: expected a positive multiple of 4, got {}", micro_batch);
}

Subject::Subject(const TrainingData& data, const TrainerOptions& options)
    : options_(checked(options)),
      source_{data.train_images, data.train_labels, data.training.first, data.size, data.num_classes},
      epoch_size_(data.training.count),
      stream_(make_stream(options.device, 1)),
      choices_(*stream_, options.deterministic ? ConvolutionPolicy::kDeterministic : ConvolutionPolicy::kFastest),
      state_(Tensor::zeros({1, static_cast<int64_t>(sizeof(NetworkState))}, DType::kU8, options.device)),
      techniques_(Tensor::zeros({kNumTechniques, 1}, DType::kF32, options.device)),
      arena_(options.device) {}

void Subject::set(const Setting& setting) {
  std::vector<float> values;
  for (const TechniqueInfo& info : techniques()) values.push_back(static_cast<float>(setting[info.id]));
  techniques_.copy_from_host(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
}

void Subject::set(const NetworkState& state) {
  state_.copy_from_host(&state, sizeof(state));
}

NetworkState Subject::state() {
  synchronize();
  NetworkState result;
  state_.copy_to_host(&result);
  return result;
}

Step Subject::step() {
  arena_.reset();
  StepArgs args;
  args.state = reinterpret_cast<NetworkState*>(state_.raw());
  args.techniques = {techniques_.data<float>(), 1};
  args.num_networks = 1;
  args.micro_batch = options_.micro_batch;
  args.epoch_size = epoch_size_;
  args.definitions = options_.definitions;
  args.fast_normals = options_.device.is_cuda() && !options_.deterministic;
  return {*stream_, arena_, args, DType::kF32, true, options_.allow_tf32, &choices_, true};
}

Setting alone(const Setting& setting, Technique id) {
  Setting result;
  result.set(id, setting[id]);
  result.set_schedule(id, setting.schedule(id));
  return result;
}

}  // namespace murmur
